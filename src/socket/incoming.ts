import type { ConnectionEvent, Failure } from '../connection/events.ts';
import { InstanceLost } from '../connection/instance-lost.ts';
import type { KeyEpoch } from '../connection/key-epoch.ts';
import type { Negotiated } from '../connection/negotiated.ts';
import { versionName } from '../context/protocol-versions.ts';
import { truncated } from '../errors/codes.ts';
import { failureError } from '../failure.ts';
import type { EpochKeys } from '../keys/exported-keys.ts';
import { type ConnectionMessages, publish } from '../observe/channels.ts';
import type { ReadTaker } from '../platform/transport/socket-reads.ts';
import { wipeTrafficKeys } from '../record/crypto-info.ts';
import { echRejection } from './ech-rejection.ts';
import { asError } from './handshake-answers.ts';
import type { Opening } from './opening.ts';
import { answerQuestion } from './server-questions.ts';
import type { SessionListener } from './session-listener.ts';
import type { SocketWrites } from './socket-writes.ts';
import type { ToldSessions } from './told-sessions.ts';
import type { ToldSocket } from './told-socket.ts';
import type { UserBuffer } from './user-buffer.ts';
import { asBuffer } from './written-chunks.ts';

interface Parts {
  readonly opening: Opening;
  readonly writes: SocketWrites;
  readonly sessions: ToldSessions;
  readonly userBuffer: UserBuffer | undefined;
}

/** What comes from a session, as its socket tells it: data, the end, and the events of node:tls. */
export class Incoming implements SessionListener {
  /** Bytes of plaintext. */
  bytes = 0;
  /** The handshake is done, which does not say that the peer is trusted. */
  established = false;
  /** No data comes any more. */
  readEnded = false;
  /** Who reads instead of the stream's reader. */
  taker: ReadTaker | undefined;
  /** The stream's only listener to data: it is told without the stream while that flows. */
  onlyListener: ((bytes: Buffer) => void) | undefined;
  readonly #socket: ToldSocket;
  readonly #parts: Parts;

  constructor(socket: ToldSocket, parts: Parts) {
    this.#socket = socket;
    this.#parts = parts;
  }

  /** What a listener throws is for the process to hear of, as in node:tls, and no reason to lose what else was received. */
  event(event: ConnectionEvent): void {
    try {
      this.#tell(event);
    } catch (error) {
      // Where the engine is asked while it is being lost, this connection ends, and not the process.
      if (error instanceof InstanceLost) {
        this.#socket.destroy(error);
        return;
      }
      process.nextTick(() => {
        throw error;
      });
    }
  }

  ended(isInRecord: boolean): void {
    const socket = this.#socket;
    if (socket.destroyed || socket.closeNotifyReceived) return;
    if (this.established && this.#parts.opening.options.requireCloseNotify) {
      socket.destroy(truncated(isInRecord));
    } else {
      this.#endReading();
    }
  }

  /**
   * Where the application has nothing to send, nobody misses tickets or a close_notify that did not get through to a peer that is gone.
   * What it sent before it went is still to be read.
   */
  streamError(error: Error): void {
    const isOfSending = 'syscall' in error && error.syscall === 'write';
    if (this.#parts.writes.hasUnsent || !(this.readEnded || (this.established && isOfSending))) {
      this.#socket.destroy(error);
      return;
    }
    this.ended(false);
    this.streamClosed();
  }

  streamClosed(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (this.readEnded && !socket.readableEnded && !socket.errored) socket.once('end', () => socket.destroy());
    else socket.destroy();
  }

  #tell(event: ConnectionEvent): void {
    const socket = this.#socket;
    const { opening, sessions } = this.#parts;
    if (socket.destroyed) {
      wipe(event);
      return;
    }
    socket._unrefTimer();
    if (!this.established && socket.servername === null && opening.isServer) opening.knowName();
    switch (event.kind) {
      case 'applicationData':
        this.#onData(event.bytes);
        break;
      case 'secure':
        this.#onSecure(event.negotiated);
        break;
      case 'closeNotify':
        socket.closeNotifyReceived = true;
        this.#endReading();
        break;
      case 'session':
        if (opening.isServer) sessions.tellServer(event);
        else sessions.tellClient(event);
        break;
      case 'keys':
        this.#onKeys(event);
        break;
      case 'question':
        this.#onQuestion(event);
        break;
      case 'failed':
        this.#onFailure(event);
        break;
      default:
        this.#toListeners(event);
    }
  }

  /** What changes nothing here. */
  #toListeners(event: ConnectionEvent & { kind: 'keyLog' | 'ocspResponse' | 'trace' | 'recordLayer' | 'epoch' }): void {
    const socket = this.#socket;
    const { outlets, isServer } = this.#parts.opening;
    switch (event.kind) {
      case 'keyLog':
        outlets.keyLog(event.line);
        if (socket.listenerCount('keylog') > 0) socket.emit('keylog', Buffer.from(`${event.line}\n`));
        break;
      case 'ocspResponse':
        socket.emit('OCSPResponse', event.response && asBuffer(event.response));
        break;
      case 'trace':
        process.stderr.write(event.text);
        break;
      case 'recordLayer':
        publish('layer', () => ({ socket, isServer }));
        socket.emit('recordLayer', socket.recordLayer);
        break;
      case 'epoch':
        publish('keys', () => ({ socket, isServer, direction: event.direction, epoch: event.epoch }));
    }
  }

  #onQuestion(question: ConnectionEvent & { kind: 'question' }): void {
    const { opening } = this.#parts;
    const { handshake, options } = opening;
    const socket = this.#socket;
    if (!handshake) return;
    answerQuestion(question, {
      handshake,
      socket,
      options,
      named: (name) => opening.knowName(name),
      destroyed: () => socket.destroyed,
      fail: (error) => socket.destroy(asError(error)),
      resume: () => {
        if (!socket.destroyed) opening.session?.reading.resumeHandshake();
      },
    });
  }

  #onFailure({ failure }: ConnectionEvent & { kind: 'failed' }): void {
    const rejection = this.#echRejection(failure);
    // What it says has to get through to who may connect again, whether something was written already or not.
    const isNegotiation = !rejection && (failure.by === 'openssl' || failure.by === 'record');
    this.#socket.destroy(this.#parts.writes.failed(rejection ?? failureError(failure), isNegotiation));
  }

  #echRejection(failure: Failure): Error | undefined {
    const { session, isServer, options } = this.#parts.opening;
    return session && !isServer ? echRejection(failure, session.connection, options) : undefined;
  }

  #onData(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    const { writes, userBuffer, opening } = this.#parts;
    writes.received();
    if (this.taker) {
      this.taker.bytes(bytes);
      return;
    }
    if (this.onlyListener && !userBuffer && this.#flows) {
      this.onlyListener(asBuffer(bytes));
      return;
    }
    const more = userBuffer ? userBuffer.take(bytes) : this.#socket.push(asBuffer(bytes));
    if (!more) opening.session?.reading.pause();
  }

  /** What the stream is given would be told at once, to one listener. */
  get #flows(): boolean {
    const socket = this.#socket;
    return socket.readableFlowing === true && socket.readableLength === 0 && socket.listenerCount('data') === 1;
  }

  #onKeys(epoch: KeyEpoch): void {
    const { session, outlets } = this.#parts.opening;
    if (!session || this.#socket.listenerCount('keys') === 0) {
      wipeTrafficKeys(epoch.keys);
      return;
    }
    let keys: EpochKeys;
    try {
      keys = outlets.epochKeys(epoch, session.connection);
    } catch (error) {
      wipeTrafficKeys(epoch.keys);
      this.#socket.destroy(asError(error));
      return;
    }
    this.#socket.emit('keys', keys);
  }

  #onSecure(negotiated: Negotiated): void {
    const { opening, writes, sessions } = this.#parts;
    this.established = true;
    if (opening.session) writes.secure(opening.session.connection);
    opening.outlets.secure(negotiated);
    sessions.whenKept(() => this.#tellSecure());
  }

  #tellSecure(): void {
    const { opening, writes } = this.#parts;
    const socket = this.#socket;
    const { connection } = opening;
    if (socket.destroyed || !connection) return;
    const { alpn, serverName } = connection.negotiated;
    socket.alpnProtocol = alpn ?? false;
    socket.servername ??= serverName ?? false;
    publish('secure', () => this.#negotiatedFacts(connection.negotiated));
    try {
      socket.emit('secure');
    } finally {
      if (!socket.destroyed) {
        socket.secureConnecting = false;
        connection.release(() => writes.release(connection));
      }
    }
  }

  #negotiatedFacts(negotiated: Negotiated): ConnectionMessages['secure'] {
    return {
      socket: this.#socket,
      isServer: this.#parts.opening.isServer,
      version: versionName(negotiated.version),
      cipherSuite: negotiated.cipher?.standardName,
      group: negotiated.group,
      resumed: negotiated.sessionReused,
      serverName: negotiated.serverName,
      alpnProtocol: negotiated.alpn,
    };
  }

  #endReading(): void {
    if (this.readEnded) return;
    this.readEnded = true;
    const { writes, userBuffer } = this.#parts;
    // What was to be sent after the handshake never will be.
    if (writes.waits && !this.established) this.#socket.once('end', () => this.#socket.destroy());
    if (userBuffer) userBuffer.finish(() => this.#endOfStream());
    else this.#endOfStream();
  }

  #endOfStream(): void {
    if (this.taker) {
      this.taker.end();
      return;
    }
    this.#socket.push(null);
    // Without a reader nobody would learn of the end (node:net does the same).
    if (this.#socket.readableLength === 0) this.#socket.read(0);
  }
}

/** Nobody is told of it any more. */
function wipe(event: ConnectionEvent): void {
  if (event.kind === 'keys') wipeTrafficKeys(event.keys);
  if (event.kind === 'session') event.session.fill(0);
}
