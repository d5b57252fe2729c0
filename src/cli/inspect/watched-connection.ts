import type { TLSSocket } from '../../index.ts';
import type { ConnectionView, DirectionView, Mark } from './connection-view.ts';

/** A connection of a server, from its acceptance on, with its history. */
export class WatchedConnection {
  readonly id: number;
  readonly socket: TLSSocket;
  readonly #acceptedAt = Date.now();
  readonly #start = performance.now();
  readonly #peer: string;
  readonly #marks: Mark[] = [];
  readonly #samples: [number, number][] = [];
  readonly #layers: { read: TLSSocket['recordLayer']['read']; write: TLSSocket['recordLayer']['write'] } = {
    read: 'wasm',
    write: 'wasm',
  };
  #sampled: readonly [number, number] = [0, 0];
  #state: ConnectionView['state'] = 'handshake';
  #negotiated: Pick<ConnectionView, 'servername' | 'version' | 'suite' | 'group' | 'alpn' | 'resumed'> = unknown;
  #reasons: { readonly read?: string; readonly write?: string } = {};
  readonly #epochs: { read: number | undefined; write: number | undefined } = { read: undefined, write: undefined };
  #requests = 0;
  #marksLeftOut = 0;
  #end: number | undefined;

  constructor(id: number, socket: TLSSocket) {
    this.id = id;
    this.socket = socket;
    const { remoteAddress, remotePort, remoteFamily } = socket;
    this.#peer = remoteFamily === 'IPv6' ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
    this.#mark('accepted', 'TCP connection accepted');
  }

  get isOver(): boolean {
    return this.#end !== undefined;
  }

  get isSecure(): boolean {
    return this.#state === 'open';
  }

  secure(): void {
    const { socket } = this;
    this.#state = 'open';
    this.#negotiated = {
      servername: shortened(socket.servername || null),
      version: socket.getProtocol(),
      suite: socket.getCipher()?.standardName ?? null,
      group: socket.getGroup() ?? null,
      alpn: socket.alpnProtocol || null,
      resumed: socket.isSessionReused(),
    };
    this.layersChanged();
    this.#mark('secure', this.#negotiated.resumed ? 'handshake done, a session resumed' : 'handshake done');
  }

  layersChanged(): void {
    const { reason, ...layers } = this.socket.recordLayer;
    this.#reasons = reason;
    for (const direction of ['write', 'read'] as const) {
      const [before, now] = [this.#layers[direction], layers[direction]];
      if (before === now) continue;
      this.#layers[direction] = now;
      this.#mark('layer', `${before} → ${now}`, direction);
    }
  }

  requested(method: string, target: string): void {
    this.#requests++;
    // What follows the path may be a secret.
    this.#mark('request', shortened(`${method} ${target.replace(/[?#].*/s, '')}`) ?? '');
  }

  failed(error: Error): void {
    if (this.isOver) return;
    const code: unknown = Reflect.get(error, 'code');
    this.#finish('failed', typeof code === 'string' ? code : error.message);
  }

  closed(): void {
    if (this.isOver) return;
    const ended = this.socket.closeNotifyReceived ? 'closed, the peer with close_notify' : 'closed';
    this.#finish('closed', ended);
  }

  /** Takes down what has been read and written since the last time. */
  sample(): void {
    const { bytesRead, bytesWritten } = this.socket;
    const [read, written] = this.#sampled;
    this.#sampled = [bytesRead, bytesWritten];
    this.#samples.push([bytesRead - read, bytesWritten - written]);
    if (this.#samples.length > mostSamples) this.#samples.shift();
  }

  view(): ConnectionView {
    return {
      id: this.id,
      state: this.#state,
      peer: this.#peer,
      acceptedAt: this.#acceptedAt,
      age: this.#end ?? this.#now(),
      ...this.#negotiated,
      read: this.#direction('read', this.socket.bytesRead),
      write: this.#direction('write', this.socket.bytesWritten),
      requests: this.#requests,
      marks: [...this.#marks],
      marksLeftOut: this.#marksLeftOut,
      samples: this.#samples.map(([read, written]) => [read, written]),
    };
  }

  keysChanged(direction: 'read' | 'write', epoch: number): void {
    this.#epochs[direction] = epoch;
    if (epoch > 0) this.#mark('keys', `new keys, epoch ${epoch}`, direction);
  }

  #direction(direction: 'read' | 'write', bytes: number): DirectionView {
    return {
      layer: this.#layers[direction],
      reason: this.#reasons[direction] ?? null,
      epoch: this.#epochs[direction] ?? null,
      bytes,
    };
  }

  #finish(state: 'closed' | 'failed', text: string): void {
    this.#state = state;
    this.sample();
    this.#mark(state, text);
    this.#end = this.#now();
  }

  #mark(kind: Mark['kind'], text: string, direction?: Mark['direction']): void {
    this.#marks.push({ at: this.#now(), kind, text, ...(direction && { direction }) });
    if (this.#marks.length <= mostMarks) return;
    // The handshake stays: what is left out is what came next to it.
    this.#marks.splice(keptMarks, 1);
    this.#marksLeftOut++;
  }

  #now(): number {
    return performance.now() - this.#start;
  }
}

/** What a peer sends has no end that could be relied on. */
function shortened(text: string | null): string | null {
  return text !== null && text.length > 120 ? `${text.slice(0, 119)}…` : text;
}

const unknown = { servername: null, version: null, suite: null, group: null, alpn: null, resumed: false };
const mostSamples = 120;
const mostMarks = 60;
const keptMarks = 8;
