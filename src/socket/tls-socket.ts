import type { NonSharedBuffer } from 'node:buffer';
import net from 'node:net';
import { addAbortSignal, type Duplex } from 'node:stream';
import type { Connection } from '../connection/connection.ts';
import type { ConnectionEvent, Failure } from '../connection/events.ts';
import { InstanceLost } from '../connection/instance-lost.ts';
import type { KeyEpoch } from '../connection/key-watch.ts';
import { codedError, failureError } from '../errors.ts';
import type { EpochKeys } from '../keys/exported-keys.ts';
import { givesReads, type ReadControl, type ReadTaker } from '../platform/socket-reads.ts';
import { wipeTrafficKeys } from '../record/crypto-info.ts';
import { asError } from './handshake-answers.ts';
import { OpeningSocket } from './opening-socket.ts';
import { hasFile, sendWithFiles } from './send-file.ts';
import { answerQuestion } from './server-questions.ts';
import type { SessionListener } from './session-listener.ts';
import { constructOn, leaveOthersToNet } from './socket-over-stream.ts';
import { TakenAtOnce } from './taken-at-once.ts';
import type { TlsSession } from './tls-session.ts';
import type { TLSSocketOptions } from './tls-socket-options.ts';
import { UserBuffer } from './user-buffer.ts';
import { canceledWrite, failedWrite } from './write-errors.ts';
import { gather, toBytes } from './written-chunks.ts';

interface PendingWrite {
  readonly chunks: readonly Uint8Array[];
  readonly done: (error?: Error | null) => void;
}

/** A TLS connection as a stream: node:tls's TLSSocket. */
class Socket extends OpeningSocket {
  readonly encrypted = true as const;
  authorized = false;
  /**
   * Why the peer is not trusted: a code, as a string; null when it is. Typed as node:tls's declarations have it.
   */
  declare authorizationError: Error;
  /** The negotiated protocol, false when none was, null before the handshake's end. */
  alpnProtocol: string | false | null = null;
  servername: string | false | null = null;
  /** The peer said that it sends no more: an end without it may be an attacker's. */
  closeNotifyReceived = false;
  secureConnecting = true;
  declare readonly _unrefTimer: () => void;

  readonly #userBuffer: UserBuffer | undefined;
  #established = false;
  #pending: PendingWrite | undefined;
  #finish: ((error?: Error | null) => void) | undefined;
  #untoldSessions = 0;
  #told: { readonly session: Uint8Array; readonly ticket: Uint8Array } | undefined;
  #bytesRead = 0;
  #bytesWritten = 0;
  /** Since something was received. */
  #hasWritten = false;
  readonly #taken = new TakenAtOnce();
  #readEnded = false;
  #taker: ReadTaker | undefined;
  /** The handshake's failure, to be told to the write that waits. */
  #overtaken: Error | undefined;

  /** `stream`: a connected or connecting socket, or any Duplex; without it, {@link connect} makes one. */
  constructor(stream?: Duplex, options: TLSSocketOptions = {}) {
    super(stream, options);
    Reflect.set(this, 'authorizationError', null);
    this.#userBuffer = stream ? undefined : UserBuffer.of(options.onread);
    this.on('newListener', (name) => {
      if (name === 'keylog') this._ktlsConnection?.logKeys();
    });
    if (options.pauseOnConnect) this.pause();
    if (stream) this._ktlsAttach(stream);
    if (options.signal) addAbortSignal(options.signal, this);
  }

  /** The session, to be resumed on another connection; null once destroyed. */
  getSession(): NonSharedBuffer | undefined;
  getSession(): NonSharedBuffer | undefined | null {
    if (this.destroyed) return null;
    const session = this._ktlsConnection && (this.#told?.session ?? this._ktlsConnection.inspection.session);
    return session && Buffer.from(session);
  }

  override getTLSTicket(): NonSharedBuffer | undefined {
    return this._ktlsConnection && this.#told ? Buffer.from(this.#told.ticket) : super.getTLSTicket();
  }

  override pause(): this {
    this.#userBuffer?.pause();
    return super.pause();
  }

  override resume(): this {
    this.#userBuffer?.resume();
    if (this.#userBuffer) this._ktlsSession?.reading.resume();
    return super.resume();
  }

  override _read(): void {
    this._start();
    this._ktlsSession?.reading.resume();
  }

  override _write(chunk: Uint8Array | string, encoding: BufferEncoding, done: PendingWrite['done']): void {
    this.#send([toBytes(chunk, encoding)], done);
  }

  override _writev(
    chunks: { chunk: Uint8Array | string; encoding: BufferEncoding }[],
    done: PendingWrite['done'],
  ): void {
    this.#send(
      chunks.map(({ chunk, encoding }) => toBytes(chunk, encoding)),
      done,
    );
  }

  override _final(done: PendingWrite['done']): void {
    if (this._ktlsSession && this.#established) this._ktlsSession.connection.close(() => done());
    else if (this.#readEnded) done();
    else this.#finish = done;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const below = this._ktlsBelow instanceof net.Socket && !this._ktlsBelow.destroyed ? this._ktlsBelow : undefined;
    // net.Socket tells in 'close' whether there was an error only where it has a handle to close.
    Reflect.set(this, '_handle', {
      close: (closed: () => void) => (below ? below.once('close', closed) : setImmediate(closed)),
    });
    Reflect.set(this, 'ssl', null);
    this._ktlsSession?.connection.dispose();
    this._ktlsSession?.transport.destroy();
    this._ktlsBelow?.destroy();
    this._ktlsOutlets.dispose();
    this.#told?.session.fill(0);
    const pending = this.#pending;
    const failure = pending && this.#overtakenBy();
    this.#pending = undefined;
    super._destroy(error, done);
    // What a callback throws must not come instead of the error.
    if (pending) process.nextTick(pending.done, failure);
  }

  /** What a write is told that waited for the handshake. */
  #overtakenBy(): Error {
    if (!this.connecting) return this.#overtaken ?? canceledWrite();
    const early = 'Socket closed before the connection was established';
    return codedError('ERR_SOCKET_CLOSED_BEFORE_CONNECTION', early);
  }

  protected override get _ktlsEstablished(): boolean {
    return this.#established;
  }

  /** As node:tls has it: undocumented, and looked at. */
  get _secureEstablished(): boolean {
    return this.#established;
  }

  protected override get _ktlsPlaintextRead(): number {
    return this.#bytesRead;
  }

  protected override get _ktlsPlaintextWritten(): number {
    return this.#bytesWritten;
  }

  protected override readonly _ktlsListener: SessionListener = {
    event: (event) => this.#deliver(event),
    ended: (truncated) => this.#onStreamEnd(truncated),
    streamError: (error) => this.#onStreamError(error),
    streamClosed: () => this.#onStreamClosed(),
  };

  /** What a listener throws is for the process to hear of, as in node:tls, and no reason to lose what else was received. */
  #deliver(event: ConnectionEvent): void {
    try {
      this.#onEvent(event);
    } catch (error) {
      // Where the engine is asked while it is being lost, this connection ends, and not the process.
      if (error instanceof InstanceLost) {
        this.destroy(error);
        return;
      }
      process.nextTick(() => {
        throw error;
      });
    }
  }

  #onEvent(event: ConnectionEvent): void {
    if (this.destroyed) {
      if (event.kind === 'keys') wipeTrafficKeys(event.keys);
      if (event.kind === 'session') event.session.fill(0);
      return;
    }
    this._unrefTimer();
    if (!this.#established && this.servername === null && this._ktlsIsServer) this._ktlsKnowName();
    switch (event.kind) {
      case 'applicationData':
        this.#onData(event.bytes);
        break;
      case 'secure':
        this.#established = true;
        this._ktlsOutlets.secure(event.negotiated);
        if (this.#untoldSessions === 0) this.#onSecure();
        break;
      case 'closeNotify':
        this.closeNotifyReceived = true;
        this.#endReading();
        break;
      case 'session':
        if (this._ktlsOptions.isServer) this.#tellSession(event);
        else this.#onSession(event.session, event.ticket);
        break;
      case 'keyLog':
        this._ktlsOutlets.keyLog(event.line);
        if (this.listenerCount('keylog') > 0) this.emit('keylog', Buffer.from(`${event.line}\n`));
        break;
      case 'keys':
        this.#onKeys(event);
        break;
      case 'ocspResponse':
        this.emit('OCSPResponse', event.response && asBuffer(event.response));
        break;
      case 'trace':
        process.stderr.write(event.text);
        break;
      case 'recordLayer':
        this.emit('recordLayer', this.recordLayer);
        break;
      case 'question':
        if (this._ktlsHandshake)
          answerQuestion(event, {
            handshake: this._ktlsHandshake,
            socket: this,
            options: this._ktlsOptions,
            named: (name) => this._ktlsKnowName(name),
            destroyed: () => this.destroyed,
            fail: (error) => this.destroy(asError(error)),
            resume: () => this.#resume(),
          });
        break;
      case 'failed':
        this.#fail(event.failure);
    }
  }

  protected override _ktlsKnowName(name: string | undefined = this._ktlsHandshake?.serverName): void {
    if (name) this.servername ??= name;
  }

  static {
    // To whoever puts TLS on such a socket: from then on it has nothing to read itself.
    Object.defineProperty(Socket.prototype, givesReads, {
      value(this: Socket, taker: ReadTaker): ReadControl {
        this.#taker = taker;
        return {
          start: () => this._ktlsSession?.reading.resume(),
          stop: () => this._ktlsSession?.reading.pause(),
        };
      },
    });
  }

  #fail(failure: Failure): void {
    const error = failureError(failure);
    const isNegotiation = failure.by === 'openssl' || failure.by === 'record';
    this.#overtaken = isNegotiation && this.#pending && !this.#established ? failedWrite(error) : undefined;
    this.destroy(this.#overtaken ?? error);
  }

  #onData(bytes: Uint8Array): void {
    this.#bytesRead += bytes.length;
    this.#hasWritten = false;
    if (this.#taker) {
      this.#taker.bytes(bytes);
      return;
    }
    const more = this.#userBuffer ? this.#userBuffer.take(bytes) : this.push(asBuffer(bytes));
    if (!more) this._ktlsSession?.reading.pause();
  }

  #onKeys(epoch: KeyEpoch): void {
    if (!this._ktlsSession || this.listenerCount('keys') === 0) {
      wipeTrafficKeys(epoch.keys);
      return;
    }
    let keys: EpochKeys;
    try {
      keys = this._ktlsOutlets.epochKeys(epoch, this._ktlsSession.connection);
    } catch (error) {
      wipeTrafficKeys(epoch.keys);
      this.destroy(asError(error));
      return;
    }
    this.emit('keys', keys);
  }

  #onSecure(): void {
    if (!this._ktlsConnection || !this._ktlsSession) return;
    const { alpn, serverName } = this._ktlsConnection.negotiated;
    this.alpnProtocol = alpn ?? false;
    this.servername ??= serverName ?? false;
    try {
      this.emit('secure');
    } finally {
      if (!this.destroyed) this.#release(this._ktlsSession.connection);
    }
  }

  #release(connection: Connection): void {
    this.secureConnecting = false;
    connection.release(() => {
      const { chunks, done } = this.#pending ?? {};
      this.#pending = undefined;
      if (chunks && done) this.#send(chunks, done);
      const finish = this.#finish;
      this.#finish = undefined;
      if (finish) this._final(finish);
    });
  }

  /** Several may arrive at once; while one is told, it is the one. */
  #onSession(session: Uint8Array, ticket: Uint8Array): void {
    this.#told?.session.fill(0);
    this.#told = { session, ticket };
    this.emit(rawSession, asBuffer(session));
  }

  /** A server's listeners keep the session before the handshake counts as done. */
  #tellSession({ id, session }: ConnectionEvent & { kind: 'session' }): void {
    let told = false;
    const done = (): void => {
      if (told) return;
      told = true;
      this.#untoldSessions--;
      if (this.#untoldSessions === 0 && this.#established && this.secureConnecting && !this.destroyed) this.#onSecure();
    };
    this.#untoldSessions++;
    let isTold = false;
    try {
      isTold = this.server?.emit('newSession', asBuffer(id), asBuffer(session), done) ?? false;
    } catch (error) {
      this.server?.emit('error', error);
    } finally {
      if (!isTold) done();
    }
  }

  #resume(): void {
    if (this.destroyed) return;
    this.#liveSession().reading.resumeHandshake();
  }

  #onStreamEnd(truncated: boolean): void {
    if (this.destroyed || this.closeNotifyReceived) return;
    if (this.#established && this._ktlsOptions.requireCloseNotify) {
      const where = truncated ? 'in the middle of a record' : 'without close_notify';
      this.destroy(codedError('ERR_KTLS_TRUNCATED', `The connection ended ${where}: data may be missing`));
    } else {
      this.#endReading();
    }
  }

  /**
   * Where the application has nothing to send, nobody misses tickets or a close_notify that did not get through to a peer that is gone.
   * What it sent before it went is still to be read.
   */
  #onStreamError(error: Error): void {
    const sending = 'syscall' in error && error.syscall === 'write';
    if (this.writableLength > 0 || !(this.#readEnded || (this.#established && sending))) {
      this.destroy(error);
      return;
    }
    this.#onStreamEnd(false);
    this.#onStreamClosed();
  }

  #onStreamClosed(): void {
    if (this.destroyed) return;
    if (this.#readEnded && !this.readableEnded && !this.errored) this.once('end', () => this.destroy());
    else this.destroy();
  }

  #endReading(): void {
    if (this.#readEnded) return;
    this.#readEnded = true;
    // What was to be sent after the handshake never will be.
    if (this.#pending && !this.#established) this.once('end', () => this.destroy());
    if (this.#userBuffer) this.#userBuffer.finish(() => this.#endOfStream());
    else this.#endOfStream();
  }

  #endOfStream(): void {
    if (this.#taker) {
      this.#taker.end();
      return;
    }
    this.push(null);
    // Without a reader nobody would learn of the end (node:net does the same).
    if (this.readableLength === 0) this.read(0);
  }

  #send(chunks: readonly Uint8Array[], done: PendingWrite['done']): void {
    if (!this._ktlsSession || !this.#established || this.secureConnecting) {
      this.#pending = { chunks, done };
      this._start();
      return;
    }
    this._unrefTimer();
    if (hasFile(chunks)) {
      const sent = (bytes: number): void => {
        this.#bytesWritten += bytes;
        this._unrefTimer();
      };
      sendWithFiles(chunks, this._ktlsSession.connection, sent).then(
        () => process.nextTick(done),
        (error) => process.nextTick(done, error),
      );
      return;
    }
    const { parts, release } = gather(chunks);
    let length = 0;
    for (const part of parts) length += part.length;
    this.#bytesWritten += length;
    if (parts.length === 0) {
      done();
      return;
    }
    // Told at once, the stream sends each small write of a turn by itself; told later, it collects what follows. An answer is alone.
    let collects = this.#hasWritten;
    this.#hasWritten = true;
    this._ktlsSession.connection.write(parts, (error) => {
      release();
      if (!error) this._unrefTimer();
      // What a callback throws must not come instead of the error.
      if (error) process.nextTick(done, error);
      else if (!collects) done(error);
      else if (this.#taken.endsTurn(length)) setImmediate(done, error);
      else process.nextTick(done, error);
    });
    collects = false;
  }

  #liveSession(): TlsSession {
    if (!this._ktlsSession) throw codedError('ERR_SOCKET_CLOSED', 'Socket is closed');
    return this._ktlsSession;
  }
}

let layer: object = Socket.prototype;
for (; layer !== net.Socket.prototype; layer = Object.getPrototypeOf(layer)) leaveOthersToNet(layer);

export type TLSSocket = Socket;

/** node:tls's TLSSocket can be called without `new` on an object that inherits from it. So can this. */
export const TLSSocket: typeof Socket = new Proxy(Socket, {
  apply(target, self: unknown, args: unknown[]) {
    if (!(self instanceof target)) throw new TypeError("Class constructor TLSSocket cannot be invoked without 'new'");
    constructOn(self, target, args);
  },
});
Object.defineProperty(Socket, 'name', { value: 'TLSSocket' });
Object.defineProperty(Socket.prototype, 'constructor', { configurable: true, writable: true, value: TLSSocket });

/** Emitted on a client's socket for each session, before it is known whether its server is to be trusted. */
export const rawSession = 'ktls:session';

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
