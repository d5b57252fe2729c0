import type { Engine } from '../engine/engine.ts';
import type { Output } from '../engine/outputs.ts';
import { AlertLevel } from '../protocol/alert.ts';
import { ContentType, type ContentTypeByte, type TLSPlaintext } from '../protocol/content-type.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { decodeCryptoInfo } from '../record/crypto-info.ts';
import { fragments } from '../record/fragment.ts';
import type { OpenedRecords, RecordFault } from '../record/protection.ts';
import type { TrafficKeys } from '../record/traffic-keys.ts';
import { ControlBudget } from './control-budget.ts';
import { EventQueue } from './event-queue.ts';
import type { ConnectionEvent, Failure } from './events.ts';
import { type KeyEpoch, KeyWatch } from './key-watch.ts';
import type { ConnectionOptions } from './options.ts';
import { type Done, type FileDone, type FilePart, streamDestroyed } from './outgoing.ts';
import { ReadSide } from './read-side.ts';
import type { RecordLayerName } from './record-layer.ts';
import { RekeyRefused, WriteSide } from './write-side.ts';

/**
 * One TLS connection without a socket: takes bytes or opened records, drives the engine, moves records to the layers that carry them.
 * What it finds comes back as events; what is to be sent goes to the sink.
 */
export class Connection {
  readonly #engine: Engine;
  readonly #write: WriteSide;
  readonly #read: ReadSide;
  readonly #required: { readonly read: boolean; readonly write: boolean };
  readonly #events: EventQueue;
  readonly #control = new ControlBudget();
  readonly #watch: KeyWatch;
  #fragmentLimit: number | undefined;
  readonly #holdsLastFlight: boolean;
  #alertSeen: number | undefined;
  #secure = false;
  #suspended = false;
  /** RFC 8446 §6.1: whatever follows close_notify must be ignored. */
  #peerClosed = false;
  #ended = false;
  #disposed = false;

  constructor(options: ConnectionOptions) {
    const { sink, software, kernel, keyUsageLimit } = options;
    const shared = { software, kernel, keyUsageLimit };
    this.#engine = options.engine;
    this.#required = options.requireKernel ?? { read: false, write: false };
    this.#events = new EventQueue(options.onEvent);
    this.#holdsLastFlight = options.holdsLastFlight;
    const onEpoch = (epoch: KeyEpoch): void => this.#events.emit({ kind: 'keys', ...epoch });
    this.#watch = new KeyWatch(options.exportsKeys ? onEpoch : undefined);
    this.#read = new ReadSide({ ...shared, onKeys: (keys, layer) => this.#watch.installed('read', keys, layer) });
    this.#write = new WriteSide({
      ...shared,
      sink,
      onKeys: (keys, layer) => this.#watch.installed('write', keys, layer),
      onLayer: () => this.#layerChanged('write'),
      onError: (error) =>
        this.#fail(error instanceof RekeyRefused ? { by: 'rekey', reason: error.reason } : { by: 'system', error }),
    });
  }

  get engine(): Engine {
    return this.#engine;
  }

  get layers(): { readonly read: RecordLayerName; readonly write: RecordLayerName } {
    return { read: this.#read.layer, write: this.#write.layer };
  }

  /** Why a direction is not on the kernel. */
  get reasons(): { readonly read: string | undefined; readonly write: string | undefined } {
    return { read: this.#read.reason, write: this.#write.reason };
  }

  /** How often each direction's keys were changed; undefined before there are any, and where OpenSSL keeps them. */
  get epochs(): { readonly read: number | undefined; readonly write: number | undefined } {
    return this.#watch.epochs;
  }

  /** With `exportsKeys`: a direction's keys for its next record, the caller's own to wipe; undefined where nobody tells them. */
  keys(direction: 'read' | 'write'): KeyEpoch | undefined {
    return this.#watch.next(direction, direction === 'read' ? this.#read : this.#write);
  }

  /** Nothing can be received or sent any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** How many bytes may be given to {@link receive} without taking any that the kernel might have to open. */
  get wanted(): number {
    return this.#read.wanted;
  }

  /** Bytes of a record that has not arrived whole: at the end of the stream, more than none means that it was cut off. */
  get partial(): number {
    return this.#read.partial;
  }

  /** Starts the handshake, or goes on after `suspended`. */
  resume(): ConnectionEvent[] {
    return this.#collect(() => {
      this.#suspended = false;
      this.#route(this.#engine.resume());
      this.#readOn();
    });
  }

  /**
   * Takes bytes as the peer sent them; they must stay as they are until the call returns. `room`: how many bytes in front of them, in the
   * same memory, may be overwritten; with room for a record, no byte is copied more than once.
   */
  receive(bytes: Uint8Array, room = 0): ConnectionEvent[] {
    if (this.#peerClosed) return [];
    return this.#collect(() => {
      this.#read.push(bytes, room);
      this.#readOn();
      if (!this.#ended) this.#read.retain();
    });
  }

  /** Takes what the kernel opened. */
  receiveOpened(records: Omit<OpenedRecords, 'consumed'>): ConnectionEvent[] {
    return this.#peerClosed ? [] : this.#collect(() => this.#opened(records));
  }

  /**
   * Application data, once secure; no part is empty, and each starts a record. `done` is called when the system took it all. The parts
   * must not change before.
   */
  write(parts: readonly Uint8Array[], done: Done): void {
    this.#submit(done, () => {
      const limit = this.#fragmentLimit;
      // Layers cut at the largest fragment themselves; a smaller one is a record, or a write to the kernel, for each piece.
      const pieces = limit === undefined ? parts : parts.flatMap((part) => [...fragments(part, limit)]);
      // By its place: one buffer may be there more than once.
      const last = pieces.length - 1;
      for (const [index, piece] of pieces.entries()) this.#writePiece(piece, index === last ? done : undefined);
    });
  }

  /** So much of a file is to be sent next: `done` is called once it is decided whether the kernel takes over for that. */
  expectFile(length: number, done: Done): void {
    this.#submit(done, () => this.#write.expectFile(length, done));
  }

  /** Sends from a file without reading it. Only where the write layer is `kernel`: it then stays so. */
  sendFile(file: FilePart, done: FileDone): void {
    const refuse = (error: Error): void => done(error, 0);
    this.#submit(refuse, () => {
      if (this.#write.usesUp(file.length)) this.#renewWriteKeys();
      this.#write.file(file, done);
    });
  }

  /** close_notify, then FIN, behind all data. */
  close(done: () => void): void {
    this.#deferred(() => {
      if (this.#secure && !this.#ended) this.#route(this.#engine.close());
      this.#write.end(done);
    });
  }

  /**
   * New write keys; with `requestPeer`, the peer's too. TLS 1.3, once secure: throws OpenSSLError otherwise. Throws {@link RekeyRefused}
   * where the kernel carries what it cannot change the keys of; nothing has happened then.
   */
  updateKeys(requestPeer: boolean): void {
    const isStuck = !this.#write.canRekey || (requestPeer && !this.#read.canRekey);
    if (isStuck && this.#engine.version === ProtocolVersion.tls13) throw new RekeyRefused('it has no way to');
    this.#deferred(() => this.#route(this.#engine.updateKeys(requestPeer)));
  }

  /** Client: the server has been judged, and may have the end of the handshake, together with what `andWrite` writes. */
  release(andWrite: () => void): void {
    this.#deferred(() => this.#write.release(andWrite));
  }

  /** Application data in fragments of at most `length` bytes, 512 to 16384 (RFC 8446 §5.1). False: not possible. */
  limitFragments(length: number): boolean {
    if (length < 512 || length > 16384) return false;
    this.#fragmentLimit = length;
    return true;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#ended = true;
    this.#write.dispose();
    this.#read.dispose();
    this.#watch.dispose();
    this.#engine.dispose();
  }

  /** For what the application sends, which is told when nothing can be sent any more. */
  #submit(refuse: (error: Error) => void, run: () => void): void {
    if (this.#ended) {
      refuse(streamDestroyed());
      return;
    }
    this.#deferred(() => {
      this.#control.restore();
      run();
    });
  }

  #writePiece(data: Uint8Array, done?: Done): void {
    if (this.#write.hasKeys) {
      if (this.#write.usesUp(data.length)) this.#renewWriteKeys();
      this.#write.record(ContentType.applicationData, data, done);
      return;
    }
    const outputs = this.#engine.write(data);
    const last = outputs.findLast(({ kind }) => kind === 'ciphertext');
    this.#route(outputs, (output) => (output === last ? done : undefined));
    if (!last) done?.();
  }

  #readOn(): void {
    while (!this.#ended && !this.#suspended && !this.#peerClosed) {
      const received = this.#read.next();
      if (!received) {
        if (this.#read.takeOver()) this.#layerChanged('read');
        return;
      }
      switch (received.kind) {
        case 'ciphertext':
          this.#watch.ciphertext('read', received.record);
          this.#route(this.#engine.receiveCiphertext(received.record));
          break;
        case 'opened':
          this.#opened(received.records);
      }
    }
  }

  #opened({ applicationData, control, fault }: Omit<OpenedRecords, 'consumed'>): void {
    if (applicationData) {
      this.#control.restore();
      if (this.#read.usesUp(applicationData.length)) this.#renewReadKeys();
      this.#events.emit({ kind: 'applicationData', bytes: applicationData });
    }
    if (control) this.#controlRecord(control);
    else if (fault) this.#recordFault(fault);
  }

  #controlRecord({ type, fragment }: TLSPlaintext): void {
    if (this.#spend(type)) this.#route(this.#engine.receivePlaintext(type, fragment));
    fragment.fill(0);
  }

  /** False: there were too many of these, and the connection has failed. */
  #spend(type: ContentTypeByte): boolean {
    const excess = this.#control.spend(type, this.#write.unsentControl);
    if (excess) this.#recordFault(excess);
    return !excess;
  }

  #route(outputs: readonly Output[], doneOf?: (output: Output) => Done | undefined): void {
    if (this.#holdsLastFlight && outputs.some(({ kind }) => kind === 'handshakeDone')) this.#write.hold();
    const isAnswer = outputs.some(({ kind }) => kind === 'keyUpdate');
    for (const output of outputs) {
      switch (output.kind) {
        case 'ciphertext':
          this.#watch.ciphertext('write', output.bytes);
          this.#write.ciphertext(output.bytes, doneOf?.(output), isAnswer);
          break;
        case 'record':
          this.#write.record(output.type, output.fragment);
          break;
        case 'installKeys':
          this.#installKeys(output.direction, output.cryptoInfo);
          break;
        case 'keys':
          this.#watch.heldByEngine(output.direction, output.cryptoInfo);
          break;
        case 'applicationData':
          this.#control.restore();
          this.#events.emit({ kind: 'applicationData', bytes: output.bytes });
          break;
        case 'handshakeDone':
          this.#secure = true;
          if (this.#read.layer === 'wasm') this.#staysWithEngine('read', this.#read);
          if (!this.#write.hasKeys) this.#staysWithEngine('write', this.#write);
          this.#events.emit({ kind: 'secure' });
          break;
        case 'session':
        case 'keyLog':
        case 'ocspResponse':
        case 'trace':
          this.#events.emit(output);
          break;
        case 'closeNotify':
          this.#peerClosed = true;
          this.#events.emit(output);
          break;
        case 'suspended':
          this.#suspended = true;
          this.#events.emit(output);
          break;
        case 'alert':
          if (output.description !== 0) this.#alertSeen = output.description;
          break;
        case 'error':
          this.#fail({ by: 'openssl', entries: output.entries, alert: this.#alertSeen });
          break;
        case 'keyUpdate':
          // Where OpenSSL itself opens records, nobody has counted it yet.
          if (this.#read.layer === 'wasm') this.#spend(ContentType.handshake);
          break;
      }
    }
  }

  #installKeys(direction: 'read' | 'write', cryptoInfo: Uint8Array): void {
    const keys = decodeCryptoInfo(cryptoInfo);
    cryptoInfo.fill(0);
    if (!keys) throw new Error('the engine handed out keys of a cipher that it was not told to');
    if (direction === 'write') this.#write.installKeys(keys);
    else this.#installReadKeys(keys);
  }

  #installReadKeys(keys: TrafficKeys): void {
    const { layer } = this.#read;
    const refused = this.#read.installKeys(keys);
    if (refused) this.#fail({ by: 'rekey', reason: refused.refused });
    else if (this.#read.layer !== layer) this.#layerChanged('read');
  }

  #renewWriteKeys(): void {
    if (this.#write.canRekey) {
      this.#route(this.#engine.updateKeys(false));
      return;
    }
    const isTls13 = this.#engine.version === ProtocolVersion.tls13;
    this.#write.stop();
    this.#fail(isTls13 ? { by: 'rekey', reason: keysUsedUp } : { by: 'keyUse' });
  }

  /** It is the peer that must stop using them (RFC 8446 §5.5); all that can be done is to ask. */
  #renewReadKeys(): void {
    const canAsk = this.#write.hasKeys && this.#write.canRekey && this.#read.canRekey;
    if (canAsk && this.#secure) this.#route(this.#engine.updateKeys(true));
  }

  #layerChanged(direction: 'read' | 'write'): void {
    this.#events.emit({ kind: 'recordLayer' });
    if (!(direction === 'read' && this.#read.awaitsKernel)) this.#checkRequired(direction);
  }

  #staysWithEngine(direction: 'read' | 'write', side: ReadSide | WriteSide): void {
    side.reason = notOffloaded;
    this.#checkRequired(direction);
  }

  #checkRequired(direction: 'read' | 'write'): void {
    const reason = this.reasons[direction] ?? notOffloaded;
    if (this.#required[direction] && this.layers[direction] !== 'kernel')
      this.#fail({ by: 'required', direction, reason });
  }

  #recordFault({ alert, reason }: RecordFault): void {
    if (this.#ended) return;
    this.#fail({ by: 'record', reason, alert });
    // OpenSSL has not seen the fault, so the alert is ours to send (RFC 8446 §6.2). Where it cannot leave, the fault stays what it is.
    const fragment = [AlertLevel.fatal, alert];
    if (this.#write.hasKeys) this.#write.record(ContentType.alert, new Uint8Array(fragment));
    // A server of TLS 1.2 sends its first protected record behind the client's: until then its alerts are in the clear.
    else if (!this.#secure)
      this.#write.ciphertext(Uint8Array.of(ContentType.alert, 3, 3, 0, fragment.length, ...fragment));
  }

  #fail(failure: Failure): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events.emit({ kind: 'failed', failure });
  }

  #collect(run: () => void): ConnectionEvent[] {
    if (this.#ended) return [];
    return this.#events.collect(() => {
      this.#write.cork();
      try {
        run();
      } finally {
        this.#write.uncork();
      }
    });
  }

  #deferred(run: () => void): void {
    if (!this.#ended) this.#events.defer(run, (inner) => this.#collect(inner));
  }
}

const keysUsedUp = 'as many records as is safe were sent under the same keys (RFC 8446 §5.5)';
const notOffloaded = 'this cipher suite is protected by OpenSSL itself';
