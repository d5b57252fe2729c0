import type net from 'node:net';
import { subscribe } from '../observe/channels.ts';
import { TLSSocket } from '../tls.ts';
import type { Instruments } from './instruments.ts';

/** What is recorded of the connections of a process, until it is stopped. */
export interface MetricsRecording extends Disposable {
  /** Records no more. */
  stop(): void;
}

/** What is remembered of a connection that lives. */
interface Seen {
  readonly role: 'client' | 'server';
  /** Milliseconds, of performance.now(). */
  readonly opened: number;
  isSecure: boolean;
  /** Layers; OpenSSL's own, until there is another one. */
  read: string;
  write: string;
}

/** Records from here on what the channels tell, of connections that begin from here on. */
export function record(instruments: Instruments): MetricsRecording {
  const connections = new Connections(instruments);
  const { rotations, storeFailures } = instruments;
  const ends = [
    subscribe('open', ({ socket, isServer }) => connections.opened(socket, isServer)),
    subscribe('secure', (message) => connections.secure(message)),
    subscribe('layer', ({ socket }) => connections.layerChanged(socket)),
    subscribe('keys', ({ socket, direction, epoch }) => connections.keysChanged(socket, direction, epoch)),
    subscribe('failed', ({ socket, error }) => connections.failed(socket, error)),
    subscribe('closed', (message) => connections.closed(message)),
    subscribe('ticketsRotated', () => rotations({}, 1)),
    subscribe('ticketsFailed', () => storeFailures({}, 1)),
  ];
  const stop = (): void => {
    for (const end of ends.splice(0)) end();
  };
  return { stop, [Symbol.dispose]: stop };
}

class Connections {
  readonly #seen = new WeakMap<net.Socket, Seen>();
  readonly #instruments: Instruments;
  readonly #codes = new Bounded();
  readonly #reasons = new Bounded();

  constructor(instruments: Instruments) {
    this.#instruments = instruments;
  }

  opened(socket: net.Socket, isServer: boolean): void {
    // Another subscriber has ended it, which was told before.
    if (socket.destroyed) return;
    const role = isServer ? 'server' : 'client';
    const opened = performance.now();
    this.#seen.set(socket, { role, opened, isSecure: false, read: 'wasm', write: 'wasm' });
    this.#instruments.open({ role }, 1);
  }

  secure(message: {
    readonly socket: net.Socket;
    readonly version: string;
    readonly cipherSuite: string | undefined;
    readonly group: string | undefined;
    readonly resumed: boolean;
  }): void {
    const seen = this.#seen.get(message.socket);
    if (!seen) return;
    seen.isSecure = true;
    const { version, cipherSuite = 'none', group = 'none' } = message;
    const { role, opened } = seen;
    const resumed = String(message.resumed);
    this.#instruments.handshakes({ role, version, cipher: cipherSuite, group, resumed }, 1);
    this.#instruments.handshakeTime({ role, version, resumed }, (performance.now() - opened) / 1000);
  }

  layerChanged(socket: net.Socket): void {
    const seen = this.#seen.get(socket);
    if (!seen || !(socket instanceof TLSSocket)) return;
    const { reason, ...layers } = socket.recordLayer;
    for (const direction of ['read', 'write'] as const) {
      const layer = layers[direction];
      if (seen[direction] === layer) continue;
      seen[direction] = layer;
      this.#countLayer(seen.role, direction, layer, reason[direction]);
    }
  }

  /** OpenSSL protects all connections in their handshakes: which of them stay with it is known at their ends. */
  #countUnchanged(socket: net.Socket, seen: Seen): void {
    if (!seen.isSecure || !(socket instanceof TLSSocket)) return;
    const { reason } = socket.recordLayer;
    for (const direction of ['read', 'write'] as const)
      if (seen[direction] === 'wasm') this.#countLayer(seen.role, direction, 'wasm', reason[direction]);
  }

  #countLayer(role: string, direction: string, layer: string, reason = 'none'): void {
    this.#instruments.layers({ role, direction, layer, reason: this.#reasons.of(reason) }, 1);
  }

  keysChanged(socket: net.Socket, direction: 'read' | 'write', epoch: number): void {
    const seen = this.#seen.get(socket);
    if (seen && epoch > 0) this.#instruments.keyUpdates({ role: seen.role, direction }, 1);
  }

  failed(socket: net.Socket, error: Error): void {
    const seen = this.#seen.get(socket);
    if (!seen) return;
    // Applications destroy sockets with whatever they have.
    const code: unknown = Reflect.get(Object(error), 'code');
    const isNamed = typeof code === 'string' || typeof code === 'number';
    const phase = seen.isSecure ? 'established' : 'handshake';
    this.#instruments.failures(
      { role: seen.role, phase, code: this.#codes.of(isNamed ? String(code).slice(0, longestCode) : 'none') },
      1,
    );
  }

  closed(message: {
    readonly socket: net.Socket;
    readonly bytesRead: number;
    readonly bytesWritten: number;
    readonly fileBytes: { readonly sendfile: number; readonly read: number };
  }): void {
    const { socket, bytesRead, bytesWritten, fileBytes } = message;
    const seen = this.#seen.get(socket);
    if (!seen) return;
    this.#seen.delete(socket);
    this.#countUnchanged(socket, seen);
    const { role } = seen;
    this.#instruments.open({ role }, -1);
    if (bytesRead > 0) this.#instruments.bytes({ role, direction: 'read' }, bytesRead);
    if (bytesWritten > 0) this.#instruments.bytes({ role, direction: 'write' }, bytesWritten);
    for (const way of ['sendfile', 'read'] as const)
      if (fileBytes[way] > 0) this.#instruments.fileBytes({ way }, fileBytes[way]);
  }
}

/** Whatever peers and systems say, a label has a bounded number of values: each is a row that whoever scrapes must keep. */
class Bounded {
  readonly #known = new Set<string>();

  of(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= mostValues) return 'other';
    this.#known.add(value);
    return value;
  }
}

const mostValues = 50;

/** Characters. */
const longestCode = 80;
