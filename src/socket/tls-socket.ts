import type { NonSharedBuffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import net from 'node:net';
import { addAbortSignal, type Duplex } from 'node:stream';
import type { CipherNameAndProtocol, DetailedPeerCertificate, EphemeralKeyInfo, PeerCertificate } from 'node:tls';
import type { Connection } from '../connection/connection.ts';
import type { EchResult } from '../connection/handshake.ts';
import { letNodeRefuseCall } from '../context/node-errors.ts';
import { versionName } from '../context/protocol-versions.ts';
import { replaceable } from '../context/replaceable.ts';
import { isSecureContext, type SecureContext, type SecureContextOptions } from '../context/secure-context.ts';
import { codedError, typeError } from '../errors/coded.ts';
import { keysNotExported } from '../errors/codes.ts';
import { contextError } from '../failure.ts';
import type { ConnectionKeys } from '../keys/exported-keys.ts';
import { publish } from '../observe/channels.ts';
import { givesReads, type ReadControl, type ReadTaker } from '../platform/transport/socket-reads.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { keyLogListener } from './command-line.ts';
import { Incoming } from './incoming.ts';
import * as facts from './negotiated.ts';
import { Opening } from './opening.ts';
import type { PastStream } from './past-stream.ts';
import { checkRenegotiation, noRenegotiation } from './renegotiation.ts';
import { type SendFileOptions, sendFile } from './send-file.ts';
import type { SendableFile } from './sendable-file.ts';
import { SocketHandle } from './socket-handle.ts';
import { constructOn, leaveOthersToNet, SocketOverStream, type StreamBelow } from './socket-over-stream.ts';
import { SocketWrites, type WriteDone } from './socket-writes.ts';
import type { TLSSocketOptions } from './tls-socket-options.ts';
import { ToldSessions } from './told-sessions.ts';
import type { RecordLayers, ToldSocket } from './told-socket.ts';
import { UserBuffer } from './user-buffer.ts';
import { bytesOf, toBytes } from './written-chunks.ts';

/** Undefined for an object that inherits from TLSSocket and that net.Socket alone has made. */
let openingOf: (socket: object) => Opening | undefined;
let pastOf: (socket: Socket) => PastStream;

/**
 * A TLS connection as a stream: node:tls's TLSSocket. What it tells of its connection is null or undefined after destroy(), as there, which the
 * declarations of node:tls do not say: hence the overloads.
 */
class Socket extends SocketOverStream implements ToldSocket {
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
  /** Of a server's socket; undefined, as with node:tls, where there is none. */
  declare readonly server: net.Server | null;
  /** Whether the peer is asked for a certificate: a server always is. As node:tls has it, undocumented, and looked at. */
  readonly _requestCert: boolean;
  /** A server's handshake fails without a certificate that was asked for. Undocumented as well. */
  readonly _rejectUnauthorized: boolean;
  /** Whether the handshake's errors are the application's to catch; see {@link _releaseControl}. */
  _controlReleased = false;
  declare readonly _unrefTimer: () => void;
  // Private, as inspect() must show none of them.
  readonly #opening: Opening;
  readonly #incoming: Incoming;
  readonly #writes: SocketWrites;
  readonly #sessions: ToldSessions;
  readonly #userBuffer: UserBuffer | undefined;

  /** `stream`: a connected or connecting socket, or any Duplex; without it, {@link connect} makes one. */
  constructor(stream?: Duplex, options: TLSSocketOptions = {}) {
    super({
      allowHalfOpen: stream ? stream.allowHalfOpen : Boolean(options.allowHalfOpen),
      ...(options.highWaterMark !== undefined && { highWaterMark: options.highWaterMark }),
    });
    if (stream && (typeof stream.write !== 'function' || typeof stream.on !== 'function')) {
      throw typeError('ERR_INVALID_ARG_TYPE', 'The "socket" argument must be a Duplex stream');
    }
    Reflect.set(this, 'server', options.server);
    const opening = new Opening(this, options);
    this.#opening = opening;
    this._requestCert = !opening.isServer || opening.options.requestCert === true;
    this._rejectUnauthorized = opening.options.rejectUnauthorized === true;
    this.#writes = new SocketWrites(this);
    this.#sessions = new ToldSessions(this);
    this.#userBuffer = stream ? undefined : UserBuffer.of(options.onread);
    this.#incoming = new Incoming(this, {
      opening,
      writes: this.#writes,
      sessions: this.#sessions,
      userBuffer: this.#userBuffer,
    });
    const handle = new SocketHandle(this, stream, () => opening.below, opening.scope);
    Reflect.set(this, '_handle', handle);
    Reflect.set(this, 'ssl', handle);
    Reflect.set(this, 'authorizationError', null);
    this.on('error', this._tlsError);
    if (keyLogListener) this.on('keylog', keyLogListener);
    this.on('newListener', (name) => {
      if (name === 'keylog' && opening.connection) opening.handshake?.port.logKeys();
    });
    if (options.pauseOnConnect) this.pause();
    if (stream) opening.attach(stream, this.#incoming);
    if (options.signal) addAbortSignal(options.signal, this);
  }

  // The handshake

  override connect(...args: unknown[]): this {
    // Destroyed before, as by a signal that is aborted already, it would open what nobody closes.
    if (!this.destroyed) this.#opening.connect(args, this.#incoming);
    return this;
  }

  /** As node:tls has it: starts a client's handshake. {@link connect} of this library calls it, and so does the first use. */
  _start(): void {
    this.#opening.start();
  }

  /**
   * As node:tls has it: until this is called, errors are told by the event '_tlsError' too, and need no listener for 'error'. {@link connect}
   * calls it, a server does with a connection that it tells, and who makes a socket by hand may. False: it has been called before.
   */
  _releaseControl(): boolean {
    if (this._controlReleased) return false;
    this._controlReleased = true;
    this.removeListener('error', this._tlsError);
    return true;
  }

  /** The error, if it is the application's to catch. */
  _tlsError(error: Error): Error | null {
    this.emit('_tlsError', error);
    return this._controlReleased ? error : null;
  }

  _emitTLSError(error: Error): void {
    const mine = this._tlsError(error);
    if (mine) this.emit('error', mine);
  }

  /** As node:tls has it: undocumented, and looked at. */
  get _secureEstablished(): boolean {
    return #incoming in this && this.#incoming.established;
  }

  /** Client, before the handshake: the name to send (RFC 6066 §3). */
  setServername(name: string): void {
    if (typeof name !== 'string') letNodeRefuseCall('setServername', [name]);
    if (this.#opening.isServer) {
      throw codedError('ERR_TLS_SNI_FROM_SERVER', 'Cannot issue SNI from a TLS server-side socket');
    }
    this.#opening.servername = name;
  }

  /** Client, before the handshake: a session to resume, as {@link getSession} gives it. */
  setSession(session: Uint8Array | string): void {
    this.#opening.offered = typeof session === 'string' ? Buffer.from(session, 'latin1') : session;
  }

  /** Server, while it chooses a certificate: uses the one of `context`. */
  setKeyCert(context: SecureContext | SecureContextOptions): void {
    const chosen = isSecureContext(context) ? context : replaceable.createSecureContext(context);
    if (connectionOf(this)) coded(() => this.#opening.handshake?.useIdentity(chosen));
  }

  /** Writes what is negotiated to stderr, in OpenSSL's words (SSL_trace(3)). For debugging: the format is nobody's to rely on. */
  enableTrace(): void {
    if (connectionOf(this)) this.#opening.handshake?.trace();
  }

  // What was negotiated

  /** 'TLSv1.3' or 'TLSv1.2', 'TLSv1.3' also before the handshake; null once destroyed. */
  getProtocol(): string | null {
    return this.destroyed ? null : versionName(connectionOf(this)?.negotiated.version ?? ProtocolVersion.tls13);
  }

  /** The suite; undefined before the handshake, null once destroyed. */
  getCipher(): CipherNameAndProtocol;
  getCipher(): CipherNameAndProtocol | undefined | null {
    return this.destroyed ? null : connectionOf(this)?.negotiated.cipher;
  }

  /** The group of the key exchange, by OpenSSL's name: 'x25519', 'X25519MLKEM768', 'secp256r1'. */
  getGroup(): string | undefined {
    return connectionOf(this)?.negotiated.group;
  }

  /** What became of an Encrypted ClientHello (RFC 9849); undefined where none was asked for, and once destroyed. */
  get ech(): EchResult | undefined {
    return connectionOf(this)?.inspection.ech;
  }

  /** Client: the server's share of the key exchange. Null on a server. */
  getEphemeralKeyInfo(): EphemeralKeyInfo | object | null {
    const connection = connectionOf(this);
    return connection ? facts.ephemeralKeyInfo(connection, this.#opening.isServer) : null;
  }

  /** The peer's certificate; with `detailed`, linked to its issuers. */
  getPeerCertificate(detailed: true): DetailedPeerCertificate;
  getPeerCertificate(detailed?: false): PeerCertificate;
  getPeerCertificate(detailed?: boolean): PeerCertificate | DetailedPeerCertificate;
  getPeerCertificate(detailed = false): object | null {
    const connection = connectionOf(this);
    return connection ? facts.peerCertificate(connection, detailed) : null;
  }

  getPeerX509Certificate(): X509Certificate | undefined {
    return facts.x509OfChain(connectionOf(this)?.negotiated.peerChain ?? []);
  }

  getCertificate(): PeerCertificate | object | null {
    const connection = connectionOf(this);
    return connection ? facts.ownCertificate(connection) : null;
  }

  getX509Certificate(): X509Certificate | undefined {
    return facts.x509(connectionOf(this)?.inspection.ownCertificate);
  }

  /** This side's Finished message (RFC 8446 §4.4.4). */
  getFinished(): NonSharedBuffer | undefined;
  getFinished(): NonSharedBuffer | undefined | null {
    return this.destroyed ? null : copied(connectionOf(this)?.inspection.finishedMessage('own'));
  }

  getPeerFinished(): NonSharedBuffer | undefined;
  getPeerFinished(): NonSharedBuffer | undefined | null {
    return this.destroyed ? null : copied(connectionOf(this)?.inspection.finishedMessage('peer'));
  }

  getSharedSigalgs(): string[];
  getSharedSigalgs(): string[] | null {
    const connection = connectionOf(this);
    if (this.destroyed) return null;
    return connection ? facts.sharedSignatureAlgorithms(connection) : [];
  }

  /** The session, to be resumed on another connection; null once destroyed. */
  getSession(): NonSharedBuffer | undefined;
  getSession(): NonSharedBuffer | undefined | null {
    const connection = connectionOf(this);
    return this.destroyed ? null : connection && copied(this.#sessions.session(connection));
  }

  /** The ticket of the current session (RFC 5077). */
  getTLSTicket(): NonSharedBuffer | undefined;
  getTLSTicket(): NonSharedBuffer | undefined | null {
    const connection = connectionOf(this);
    return this.destroyed ? null : connection && copied(this.#sessions.ticket(connection));
  }

  isSessionReused(): boolean;
  isSessionReused(): boolean | null {
    return this.destroyed ? null : (connectionOf(this)?.negotiated.sessionReused ?? false);
  }

  /** Why the peer is not trusted; null when it is, which it never is before it has shown who it is. */
  verifyError(): Error | null {
    return facts.verifyError(connectionOf(this)?.negotiated, isServerSide(this));
  }

  // Keys and record layers

  /** The layers that carry this connection's records, and why a direction is not on the kernel. */
  get recordLayer(): RecordLayers {
    const { layers, reasons } = openingOf(this)?.session?.connection ?? unstarted;
    return {
      ...layers,
      reason: {
        ...(reasons.read !== undefined && { read: reasons.read }),
        ...(reasons.write !== undefined && { write: reasons.write }),
      },
    };
  }

  /** The kernel seals what is written. */
  get ktlsSend(): boolean {
    return this.recordLayer.write === 'kernel';
  }

  /** The kernel opens what is received. */
  get ktlsRecv(): boolean {
    return this.recordLayer.read === 'kernel';
  }

  /**
   * How often the keys of each direction have been changed (RFC 8446 §4.6.3), which is no secret; undefined before there are any, and where
   * OpenSSL keeps them to itself.
   */
  get keyEpochs(): { readonly read: number | undefined; readonly write: number | undefined } {
    return { read: undefined, write: undefined, ...openingOf(this)?.session?.connection.epochs };
  }

  /** New keys for what this side sends and, with `requestPeer`, for what it receives (RFC 8446 §4.6.3). Throws before TLS 1.3. */
  updateKeys({ requestPeer = false }: { requestPeer?: boolean } = {}): void {
    const session = openingOf(this)?.session;
    if (!session || !this._secureEstablished) throw notDone();
    coded(() => session.connection.updateKeys(requestPeer));
  }

  /**
   * The keys in use, for the next record of each direction, and what was negotiated: copies, the caller's own to dispose of.
   * Throws ERR_KTLS_KEYS_NOT_EXPORTED without the option `exportKeys`, ERR_TLS_INVALID_STATE before the handshake is done and once
   * the connection is gone.
   */
  exportKeys(): ConnectionKeys {
    const { outlets, connection } = this.#opening;
    if (!outlets.exportsKeys) throw keysNotExported();
    if (!connection || !this.#incoming.established) throw notDone();
    return outlets.connectionKeys(connection);
  }

  /**
   * `length` bytes of keying material for other protocols (RFC 5705, RFC 8446 §7.5).
   * Throws ERR_TLS_INVALID_STATE before the handshake is done.
   */
  exportKeyingMaterial(length: number, label: string, context?: Buffer): NonSharedBuffer {
    const connection = this._secureEstablished ? connectionOf(this) : undefined;
    return coded(() => facts.keyingMaterial(connection, length, label, context));
  }

  /** Fragments of at most `size` bytes, 512 to 16384 (RFC 8446 §5.1). Answers whether that is possible. */
  setMaxSendFragment(size: number): boolean {
    if (size !== (size | 0)) letNodeRefuseCall('setMaxSendFragment', [size]);
    if (this.destroyed || size < 512 || size > 16384) return false;
    return this.#opening.limitFragments(size);
  }

  /** Never possible: keys that have left OpenSSL cannot be renegotiated. Answers false, and tells `callback`. */
  renegotiate(options: object, callback?: (error: Error | null) => void): boolean | undefined {
    checkRenegotiation(options, callback);
    if (this.destroyed) return undefined;
    if (callback) process.nextTick(callback, noRenegotiation(this.getProtocol()));
    return false;
  }

  disableRenegotiation(): void {}

  // The stream

  /** Sends a file, in its turn among the writes: see {@link sendFile}. */
  sendFile(file: SendableFile, options?: SendFileOptions): Promise<number> {
    return sendFile(this, file, options);
  }

  override ref(): this {
    openingOf(this)?.keepProcess(true);
    return super.ref();
  }

  override unref(): this {
    openingOf(this)?.keepProcess(false);
    return super.unref();
  }

  override pause(): this {
    this.#userBuffer?.pause();
    return super.pause();
  }

  override resume(): this {
    this.#userBuffer?.resume();
    if (this.#userBuffer) this.#opening.session?.reading.resume();
    return super.resume();
  }

  override _read(): void {
    this._start();
    this.#opening.session?.reading.resume();
  }

  override _write(chunk: Uint8Array | string, encoding: BufferEncoding, done: WriteDone): void {
    this.#write([toBytes(chunk, encoding)], done);
  }

  override _writev(chunks: { chunk: Uint8Array | string; encoding: BufferEncoding }[], done: WriteDone): void {
    this.#write(chunks.map(bytesOf), done);
  }

  #write(chunks: readonly Uint8Array[], done: WriteDone): void {
    // What waits, waits for a handshake.
    if (!this.#writes.write(chunks, done)) this._start();
  }

  override _final(done: WriteDone): void {
    this.#writes.end(done, this.#incoming.readEnded);
  }

  override _destroy(error: Error | null, done: WriteDone): void {
    const { below, session, outlets } = this.#opening;
    const carrier = below instanceof net.Socket && !below.destroyed ? below : undefined;
    // net.Socket tells in 'close' whether there was an error only where it has a handle to close.
    Reflect.set(this, '_handle', {
      close: (closed: () => void) => (carrier ? carrier.once('close', closed) : setImmediate(closed)),
    });
    Reflect.set(this, 'ssl', null);
    const about = { socket: this, isServer: this.#opening.isServer };
    if (error) publish('failed', () => ({ ...about, error }));
    publish('closed', () => ({
      ...about,
      bytesRead: this.#incoming.bytes,
      bytesWritten: this.#writes.bytes,
      fileBytes: { ...this.#writes.fileBytes },
    }));
    session?.connection.dispose();
    session?.transport.destroy();
    below?.destroy();
    outlets.dispose();
    this.#sessions.dispose();
    const tellWriter = this.#writes.dispose();
    super._destroy(error, done);
    // What a callback throws must not come instead of the error.
    if (tellWriter) process.nextTick(tellWriter);
  }

  protected override get _ktlsStream(): StreamBelow {
    return { below: this.#opening.below, bytesRead: this.#incoming.bytes, bytesWritten: this.#writes.bytes };
  }

  static {
    // To whoever puts TLS on such a socket: from then on it has nothing to read itself.
    Object.defineProperty(Socket.prototype, givesReads, {
      value(this: Socket, taker: ReadTaker): ReadControl {
        this.#incoming.taker = taker;
        return {
          start: () => this.#opening.session?.reading.resume(),
          stop: () => this.#opening.session?.reading.pause(),
        };
      },
    });
    pastOf = (socket) => ({
      write: (parts, done) => socket.#writes.writePast(parts, done),
      listen: (listener) => {
        socket.#incoming.onlyListener = listener;
      },
    });
    openingOf = (socket) => (#opening in socket ? (socket as Socket).#opening : undefined);
  }
}

for (const { prototype } of [SocketOverStream, Socket]) leaveOthersToNet(prototype);

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

/** Whether it is a server's end of its connection. */
export function isServerSide(socket: TLSSocket): boolean {
  return openingOf(socket)?.isServer === true;
}

/** For who stands in front of a socket, and wants no second stream between. */
export function pastStream(socket: TLSSocket): PastStream {
  return pastOf(socket);
}

/** While there is one. */
function connectionOf(socket: Socket): Connection | undefined {
  return openingOf(socket)?.connection;
}

function copied(bytes: Uint8Array | undefined): NonSharedBuffer | undefined {
  return bytes && Buffer.from(bytes);
}

/** What OpenSSL refuses is told as node:tls tells it: with a code. */
function coded<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw contextError(error, 'SSL');
  }
}

const notDone = (): Error => codedError('ERR_TLS_INVALID_STATE', 'The handshake is not done');

const unstarted = {
  layers: { read: 'wasm', write: 'wasm' },
  reasons: { read: undefined, write: undefined },
} as const;
