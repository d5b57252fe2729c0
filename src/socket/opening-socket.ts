import { AsyncResource } from 'node:async_hooks';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { Connection } from '../connection/connection.ts';
import { ContextHandshake, type HandshakeSetup } from '../context/handshake.ts';
import { isOneOf, letNodeRefuseCall, letNodeRefuseSocket, typeError } from '../context/node-errors.ts';
import { replaceable } from '../context/replaceable.ts';
import type { SecureContext } from '../context/secure-context.ts';
import { sessionScope } from '../context/session-scope.ts';
import { codedError, connectionReset, contextError } from '../errors.ts';
import { alpnProtocols } from './alpn-protocols.ts';
import { connectToldAs } from './client-channel.ts';
import { keyLogListener, tracesTls, warnOfTrace } from './command-line.ts';
import { ControllableSocket } from './controllable-socket.ts';
import { asError, handshakeAnswers } from './handshake-answers.ts';
import { KeyOutlets } from './key-outlets.ts';
import { type KtlsPolicy, policyOf } from './ktls-policy.ts';
import type { SessionListener } from './session-listener.ts';
import { SocketHandle } from './socket-handle.ts';
import { openSession, startSession, type TlsSession } from './tls-session.ts';
import { certificateOf, preparedContext, type TLSSocketOptions } from './tls-socket-options.ts';

/** A TLS socket until its handshake has begun: options, the stream below, and the engine made for both. */
export abstract class OpeningSocket extends ControllableSocket {
  readonly server: TLSSocketOptions['server'];
  /** Whether the peer is asked for a certificate: a server always is. As node:tls has it, undocumented, and looked at. */
  readonly _requestCert: boolean;
  /** A server's handshake fails without a certificate that was asked for. Undocumented as well. */
  readonly _rejectUnauthorized: boolean;
  /** Whether the handshake's errors are the application's to catch; see {@link _releaseControl}. */
  _controlReleased = false;
  /** Told of all that happens once the handshake has begun. */
  protected abstract readonly _ktlsListener: SessionListener;
  /** A server has heard the name of its hello: as with node:tls, that is `servername` from then on. */
  protected abstract _ktlsKnowName(): void;
  // Private, as inspect() must show neither.
  readonly #options: TLSSocketOptions;
  readonly #outlets: KeyOutlets;
  readonly #policy: KtlsPolicy;
  readonly #alpn: Uint8Array | undefined;
  readonly #context: SecureContext;
  #handshake: ContextHandshake | undefined;
  #below: Duplex | undefined;
  #session: TlsSession | undefined;
  #servername: string | undefined;
  #offered: Uint8Array | undefined;
  #wantsStart = false;
  /** What happens to a socket is a consequence of its making: a server's, of its listening. */
  readonly #scope = new AsyncResource('TLSWRAP');
  readonly #onEarlyError = (error: Error): void => void this.destroy(error);

  constructor(stream: Duplex | undefined, options: TLSSocketOptions) {
    super({
      allowHalfOpen: stream ? stream.allowHalfOpen : Boolean(options.allowHalfOpen),
      ...(options.highWaterMark !== undefined && { highWaterMark: options.highWaterMark }),
    });
    if (stream && (typeof stream.write !== 'function' || typeof stream.on !== 'function')) {
      throw typeError('ERR_INVALID_ARG_TYPE', 'The "socket" argument must be a Duplex stream');
    }
    this.server = options.server;
    this.#policy = policyOf(options);
    this.#alpn = alpnProtocols(options.ALPNProtocols);
    if (!isOneOf(options.enableTrace, 'boolean')) refuseTrace(options.enableTrace);
    refuseWrong(options);
    // What is no server is found out here, by the same question that node:tls asks.
    if (options.isServer && options.server) options.server.listenerCount('newSession');
    // A context that cannot be made is the caller's fault, and told at once.
    const secureContext = options.secureContext || options.credentials || replaceable.createSecureContext(options);
    this.#options = asUsed(options, secureContext);
    this._requestCert = !this.#options.isServer || this.#options.requestCert === true;
    this._rejectUnauthorized = this.#options.rejectUnauthorized === true;
    this.#outlets = new KeyOutlets(this.#options);
    this.#context = preparedContext(this.#options);
    const handle = new SocketHandle(this, stream, () => this._ktlsBelow, this.#scope);
    Reflect.set(this, '_handle', handle);
    Reflect.set(this, 'ssl', handle);
    this.#servername = options.servername;
    this.on('error', this._tlsError);
    if (keyLogListener) this.on('keylog', keyLogListener);
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

  override connect(...args: unknown[]): this {
    // Destroyed before, as by a signal that is aborted already, it would open what nobody closes.
    if (this.destroyed) return this;
    const [options] = args;
    const wanted = typeof options === 'object' && options !== null ? { ...options } : undefined;
    const socket = new net.Socket({ ...wanted, allowHalfOpen: true, ...noStreamOptions });
    socket.pause();
    this._ktlsAttach(socket, () => {
      const rest = wanted ? [{ ...wanted, ...noStreamOptions }, ...args.slice(1)] : args;
      connectToldAs(this, socket, () => void Reflect.apply(socket.connect, socket, rest));
    });
    return this;
  }

  /** Client, before the handshake: the name to send (RFC 6066 §3). */
  setServername(name: string): void {
    if (typeof name !== 'string') letNodeRefuseCall('setServername', [name]);
    if (this._ktlsOptions.isServer) {
      throw codedError('ERR_TLS_SNI_FROM_SERVER', 'Cannot issue SNI from a TLS server-side socket');
    }
    this.#servername = name;
  }

  /** Client, before the handshake: a session to resume, as {@link getSession} gives it. */
  setSession(session: Uint8Array | string): void {
    this.#offered = typeof session === 'string' ? Buffer.from(session, 'latin1') : session;
  }

  /** Puts TLS on a stream, at once or when it has connected. */
  protected _ktlsAttach(stream: Duplex, connect?: () => void): void {
    this.#below = stream;
    // net.Socket counts what happens here as happening there: its timers begin again, and end with these.
    if (stream instanceof net.Socket && !connect) Reflect.set(this, '_parent', stream);
    stream.once('close', () => (this.#session ? this.#session.reading.closed() : this._ktlsListener.streamClosed()));
    stream.on('error', this.#onEarlyError);
    if (!(stream instanceof net.Socket) || !(connect || stream.pending)) {
      this.#startWhenWanted(stream);
      return;
    }
    Reflect.set(this, 'connecting', true);
    for (const name of forwarded) stream.on(name, (...args: unknown[]) => this.emit(name, ...args));
    // One list, which grows with each attempt.
    stream.once('connectionAttempt', () => {
      const { autoSelectFamilyAttemptedAddresses: addresses } = stream;
      if (addresses) Object.assign(this, { autoSelectFamilyAttemptedAddresses: addresses });
    });
    stream.once('connect', () => {
      Reflect.set(this, 'connecting', false);
      if (!this.destroyed) this.#startWhenWanted(stream);
      this.emit('connect');
    });
    if (connect) {
      connect();
      // What TLS inside of this one judges its server by, where nothing else is said.
      Reflect.set(this, '_host', Reflect.get(stream, '_host'));
    } else process.nextTick(() => this.#expectConnecting(stream));
  }

  /** A given socket may be connected after it was given, but not later than that. */
  #expectConnecting(stream: net.Socket): void {
    if (!this.#wantsStart || this.destroyed || stream.connecting || !stream.pending) return;
    this.destroy(connectionReset(beforeSecure));
  }

  /** As node:tls has it: starts a client's handshake. {@link connect} of this library calls it, and so does the first use. */
  _start(): void {
    if (this.#session || this.#wantsStart || this.destroyed) return;
    this.#wantsStart = true;
    if (this.#below && !this.connecting) this.#start(this.#below);
  }

  #startWhenWanted(stream: Duplex): void {
    if (this.#wantsStart || this._ktlsIsServer) this.#start(stream);
  }

  #start(stream: Duplex): void {
    try {
      this.#policy.prepare();
      const opened = new ContextHandshake(this.#context, this.#setup());
      const handshake = opened.port;
      handshake.onLost = (error) => void this.destroy(error);
      this.#handshake = opened;
      const [isServer, outlets] = [this._ktlsIsServer, this._ktlsOutlets];
      const listener = inScope(this.#scope, this._ktlsListener);
      const session = openSession({ stream, handshake, policy: this.#policy, isServer, outlets, listener });
      this.#session = session;
      this._ktlsLimitFragments(session);
      // From then on the transport listens.
      startSession(session, () => stream.off('error', this.#onEarlyError));
    } catch (error) {
      this.destroy(asError(contextError(error, 'SSL')));
    }
  }

  /** What depends on who listens by now, besides the options. */
  #setup(): HandshakeSetup {
    const options = this._ktlsOptions;
    const { isServer = false, server, SNICallback } = options;
    const isHeard = (event: string): boolean => server !== undefined && server.listenerCount(event) > 0;
    const answers = handshakeAnswers(options, {
      socket: this,
      serverName: () => this.#handshake?.serverName,
      asked: () => (isServer ? this._ktlsKnowName() : undefined),
      fail: (error) => void this.destroy(asError(error)),
    });
    return {
      isServer,
      certificate: certificateOf(options),
      handsOutKeys: options.portableLayer !== 'wasm',
      alpn: this.#alpn,
      sessionScope: isServer ? sessionScope(options) : undefined,
      pskIdentityHint: options.pskIdentityHint,
      requestOcsp: options.requestOCSP,
      serverName: this.#servername,
      session: this.#offered ?? options.session,
      logsKeys: this.listenerCount('keylog') > 0 || this._ktlsOutlets.wantsKeyLog,
      reportsKeys: this._ktlsOutlets.exportsKeys,
      traces: options.enableTrace === true,
      asksAboutHello: Boolean(SNICallback) || isHeard('resumeSession'),
      asksAboutCertificate: isHeard('OCSPRequest'),
      reportsSessions: isHeard('newSession'),
      answers,
    };
  }

  protected get _ktlsOptions(): TLSSocketOptions {
    return #options in this ? this.#options : {};
  }

  protected get _ktlsOutlets(): KeyOutlets {
    return this.#outlets;
  }

  protected override get _ktlsHandshake(): ContextHandshake | undefined {
    return #handshake in this ? this.#handshake : undefined;
  }

  protected override get _ktlsConnection(): Connection | undefined {
    const connection = this._ktlsSession?.connection;
    return connection?.disposed ? undefined : connection;
  }

  protected override get _ktlsSession(): TlsSession | undefined {
    return #session in this ? this.#session : undefined;
  }

  protected override get _ktlsIsServer(): boolean {
    return this._ktlsOptions.isServer === true;
  }

  protected override get _ktlsBelow(): Duplex | undefined {
    return #below in this ? this.#below : undefined;
  }
}

/** Tells a listener in another scope than that of the stream below. That it is closed is the stream's to tell. */
function inScope(scope: AsyncResource, listener: SessionListener): SessionListener {
  return {
    event: (event) => scope.runInAsyncScope(listener.event, listener, event),
    ended: (truncated) => scope.runInAsyncScope(listener.ended, listener, truncated),
    streamError: (error) => scope.runInAsyncScope(listener.streamError, listener, error),
    streamClosed: () => listener.streamClosed(),
  };
}

/** Without what the context has taken over already. What is on or off counts by its truth, whatever its type, as for node:tls. */
function asUsed(
  { key, passphrase, pfx, ticketKeys, ...others }: TLSSocketOptions,
  secureContext: TLSSocketOptions['secureContext'],
): TLSSocketOptions {
  return Object.assign(others, {
    secureContext,
    enableTrace: others.enableTrace ?? traced(),
    isServer: Boolean(others.isServer),
    requestCert: Boolean(others.requestCert),
    rejectUnauthorized: Boolean(others.rejectUnauthorized),
  });
}

function traced(): boolean {
  if (tracesTls) warnOfTrace();
  return tracesTls;
}

/** What a connecting socket tells. */
const forwarded = [
  'lookup',
  'ready',
  'connectionAttempt',
  'connectionAttemptFailed',
  'connectionAttemptTimeout',
] as const;

/** Options of the TLS stream, not of the socket below it. */
const noStreamOptions = { onread: undefined, signal: undefined, timeout: undefined, highWaterMark: undefined };

const beforeSecure = 'Client network socket disconnected before secure TLS connection was established';

/** What would be called must be a function, where it would be, and a hint be text. */
function refuseWrong(options: TLSSocketOptions): void {
  const { isServer, SNICallback, ALPNCallback, pskCallback, pskIdentityHint, keepAliveInitialDelay } = options;
  const given: readonly unknown[] = [SNICallback, ALPNCallback, pskCallback];
  const right = given.every((callback) => !callback || typeof callback === 'function');
  const { session, ALPNProtocols } = options;
  if (
    right &&
    (!pskIdentityHint || typeof pskIdentityHint === 'string') &&
    (isServer || !session || ArrayBuffer.isView(session)) &&
    (keepAliveInitialDelay === undefined || typeof keepAliveInitialDelay === 'number') &&
    (!ALPNProtocols || Array.isArray(ALPNProtocols) || ArrayBuffer.isView(ALPNProtocols))
  )
    return;
  const asked = { SNICallback, ALPNCallback, pskCallback, pskIdentityHint, keepAliveInitialDelay };
  letNodeRefuseSocket({ ...asked, isServer, ALPNProtocols, ...(!isServer && { session }) });
}

function refuseTrace(value: unknown): never {
  throw typeError(
    'ERR_INVALID_ARG_TYPE',
    `The "options.enableTrace" property must be of type boolean. Received type ${typeof value}`,
  );
}
