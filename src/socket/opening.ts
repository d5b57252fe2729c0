import { AsyncResource } from 'node:async_hooks';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { Connection } from '../connection/connection.ts';
import type { Output } from '../connection/handshake.ts';
import { wipeOutputs } from '../connection/wiped-outputs.ts';
import { alpnProtocols } from '../context/alpn-protocols.ts';
import { type Ech, readEch } from '../context/ech.ts';
import { ContextHandshake, type ControlledHandshake, type HandshakeSetup } from '../context/handshake.ts';
import { isOneOf, letNodeRefuseSocket } from '../context/node-errors.ts';
import { replaceable } from '../context/replaceable.ts';
import type { SecureContext } from '../context/secure-context.ts';
import { sessionScope } from '../context/session-scope.ts';
import { connectionReset, typeError } from '../errors/coded.ts';
import { contextError } from '../failure.ts';
import { publish } from '../observe/channels.ts';
import { systemError } from '../platform/system-error.ts';
import type { HandshakeThread } from '../threads/handshake-threads.ts';
import { type ThreadedCarrier, ThreadedHandshake } from '../threads/threaded-handshake.ts';
import { connectToldAs } from './client-channel.ts';
import { tracesTls, warnOfTrace } from './command-line.ts';
import { asError, handshakeAnswers } from './handshake-answers.ts';
import { keepsProcess, LentSocket, threadFor } from './handshake-place.ts';
import { KeyOutlets } from './key-outlets.ts';
import { checkKtlsOptions } from './ktls-options.ts';
import { type KtlsPolicy, policyOf } from './ktls-policy.ts';
import type { SessionListener } from './session-listener.ts';
import { openSession, startSession, type TlsSession } from './tls-session.ts';
import { certificateOf, preparedContext, type TLSSocketOptions } from './tls-socket-options.ts';
import type { ToldSocket } from './told-socket.ts';

/** Brings a socket's TLS about: options, the stream below, and the handshake made for both, until all three are a session. */
export class Opening {
  readonly options: TLSSocketOptions;
  readonly outlets: KeyOutlets;
  /** What happens to a socket is a consequence of its making: a server's, of its listening. */
  readonly scope: AsyncResource = new AsyncResource('TLSWRAP');
  /** Client: the name to send (RFC 6066 §3). */
  servername: string | undefined;
  /** Client: the session to offer. */
  offered: Uint8Array | undefined;
  readonly #socket: ToldSocket;
  readonly #policy: KtlsPolicy;
  readonly #alpn: Uint8Array | undefined;
  readonly #ech: Ech | undefined;
  readonly #context: SecureContext;
  #handshake: ControlledHandshake | undefined;
  #attached: { readonly stream: Duplex; readonly listener: SessionListener } | undefined;
  #session: TlsSession | undefined;
  #lent: LentSocket | undefined;
  #fragmentLimit: number | undefined;
  #wantsStart = false;
  #keepsProcess: boolean | undefined;
  readonly #onEarlyError = (error: Error): void => void this.#socket.destroy(error);

  /** Throws what node:tls throws for options of a wrong type, and what making their context throws: the caller's faults, told at once. */
  constructor(socket: ToldSocket, options: TLSSocketOptions) {
    this.#socket = socket;
    this.#policy = policyOf(options);
    checkKtlsOptions(options);
    this.#alpn = alpnProtocols(options.ALPNProtocols);
    if (!isOneOf(options.enableTrace, 'boolean')) refuseTrace(options.enableTrace);
    refuseWrong(options);
    // What is no server is found out here, by the same question that node:tls asks.
    if (options.isServer && options.server) options.server.listenerCount('newSession');
    const secureContext = options.secureContext || options.credentials || replaceable.createSecureContext(options);
    this.options = asUsed(options, secureContext);
    this.outlets = new KeyOutlets(this.options);
    this.#ech = readEch(options.ech, this.isServer);
    this.#context = preparedContext(this.options, this.#ech);
    this.servername = options.servername;
  }

  get isServer(): boolean {
    return this.options.isServer === true;
  }

  /** The stream that carries the records, once there is one. */
  get below(): Duplex | undefined {
    return this.#attached?.stream;
  }

  get handshake(): ControlledHandshake | undefined {
    return this.#handshake;
  }

  get session(): TlsSession | undefined {
    return this.#session;
  }

  /** The session's, while it has not been disposed of. */
  get connection(): Connection | undefined {
    const connection = this.#session?.connection;
    return connection?.disposed ? undefined : connection;
  }

  /** Whether the process stays for its sake, as with net.Socket's ref() and unref(). */
  keepProcess(keeps: boolean): void {
    this.#keepsProcess = keeps;
    const transport = this.#session?.transport;
    if (keeps) transport?.ref();
    else transport?.unref();
    if (this.#handshake instanceof ThreadedHandshake) this.#handshake.keepsProcess = keeps;
  }

  /** A server has heard the name of its hello: as with node:tls, that is `servername` from then on. */
  knowName(name: string | undefined = this.#handshake?.serverName): void {
    if (name) this.#socket.servername ??= name;
  }

  /** Fragments of at most `size` bytes, of a connection that there is or that begins. Answers whether that is possible. */
  limitFragments(size: number): boolean {
    this.#fragmentLimit = size;
    return this.#session?.connection.limitFragments(size) ?? true;
  }

  /** Makes a socket as net.Socket.connect() does, with the same arguments, and puts TLS on it. */
  connect(args: readonly unknown[], listener: SessionListener): void {
    const [options] = args;
    const wanted = typeof options === 'object' && options !== null ? { ...options } : undefined;
    const below = new net.Socket({ ...wanted, allowHalfOpen: true, ...noStreamOptions });
    below.pause();
    this.attach(below, listener, () => {
      const rest = wanted ? [{ ...wanted, ...noStreamOptions }, ...args.slice(1)] : args;
      connectToldAs(this.#socket, below, () => void Reflect.apply(below.connect, below, rest));
    });
  }

  /** Puts TLS on a stream, at once or when it has connected. `listener` is told of all that happens once the handshake has begun. */
  attach(stream: Duplex, listener: SessionListener, connect?: () => void): void {
    this.#attached = { stream, listener };
    // net.Socket counts what happens here as happening there: its timers begin again, and end with these.
    if (stream instanceof net.Socket && !connect) Reflect.set(this.#socket, '_parent', stream);
    // What a handshake in another thread has still to say is of no matter then.
    const isHere = (): boolean => !this.#lent?.isLent;
    stream.once('close', () => (this.#session && isHere() ? this.#session.reading.closed() : listener.streamClosed()));
    stream.on('error', this.#onEarlyError);
    if (!(stream instanceof net.Socket) || !(connect || stream.pending)) {
      this.#startWhenWanted();
      return;
    }
    Reflect.set(this.#socket, 'connecting', true);
    this.#follow(stream);
    if (connect) {
      connect();
      // What TLS inside of this one judges its server by, where nothing else is said.
      Reflect.set(this.#socket, '_host', Reflect.get(stream, '_host'));
    } else process.nextTick(() => this.#expectConnecting(stream));
  }

  /** Tells what a socket tells that connects. */
  #follow(below: net.Socket): void {
    const socket = this.#socket;
    for (const name of forwarded) below.on(name, (...args: unknown[]) => socket.emit(name, ...args));
    // One list, which grows with each attempt.
    below.once('connectionAttempt', () => {
      const { autoSelectFamilyAttemptedAddresses: addresses } = below;
      if (addresses) Object.assign(socket, { autoSelectFamilyAttemptedAddresses: addresses });
    });
    below.once('connect', () => {
      Reflect.set(socket, 'connecting', false);
      if (!socket.destroyed) this.#startWhenWanted();
      socket.emit('connect');
    });
  }

  /** A given socket may be connected after it was given, but not later than that. */
  #expectConnecting(below: net.Socket): void {
    if (!this.#wantsStart || this.#socket.destroyed || below.connecting || !below.pending) return;
    this.#socket.destroy(connectionReset(beforeSecure));
  }

  /** Begins a client's handshake, as soon as the stream below has connected. */
  start(): void {
    if (this.#session || this.#wantsStart || this.#socket.destroyed) return;
    this.#wantsStart = true;
    if (!this.#socket.connecting) this.#start();
  }

  #startWhenWanted(): void {
    if (this.#wantsStart || this.isServer) this.#start();
  }

  #start(): void {
    if (!this.#attached) return;
    const { stream, listener } = this.#attached;
    try {
      this.#policy.prepare();
      const setup = this.#setup();
      const thread = threadFor(this.options, setup);
      const opened = thread ? this.#inThread(thread, stream, setup) : new ContextHandshake(this.#context, setup);
      opened.port.onLost = (error) => this.scope.runInAsyncScope(() => void this.#socket.destroy(error));
      this.#handshake = opened;
      const session = openSession({
        stream,
        handshake: opened.port,
        policy: this.#policy,
        isServer: this.isServer,
        outlets: this.outlets,
        listener: inScope(this.scope, listener),
      });
      this.#session = session;
      publish('open', () => ({ socket: this.#socket, isServer: this.isServer }));
      // What was asked for before there was a connection.
      if (this.#fragmentLimit !== undefined) session.connection.limitFragments(this.#fragmentLimit);
      if (this.#lent) {
        session.transport.kernel.prepare?.();
        session.reading.resumeHandshake();
      } else startSession(session, () => stream.off('error', this.#onEarlyError));
    } catch (error) {
      this.#socket.destroy(asError(contextError(error, 'SSL')));
    }
  }

  /** Of a handshake in another thread, which has the socket's descriptor meanwhile if that is `lent`. */
  #inThread(thread: HandshakeThread, stream: Duplex, setup: HandshakeSetup): ControlledHandshake {
    const lent = thread.canBorrow ? LentSocket.of(stream) : undefined;
    try {
      const handshake = new ThreadedHandshake(thread, this.#context, setup, this.#carrierOf(stream, lent));
      handshake.keepsProcess = this.#keepsProcess ?? keepsProcess(stream);
      this.#lent = lent;
      return handshake;
    } catch (error) {
      lent?.close();
      throw error;
    }
  }

  #carrierOf(stream: Duplex, lent: LentSocket | undefined): ThreadedCarrier {
    const inScope = (run: () => void): void => this.scope.runInAsyncScope(run);
    const heard = (outputs: readonly Output[], rest: Uint8Array | undefined, tell: 'answer' | 'told'): void => {
      const session = this.#session;
      if (!session || this.#socket.destroyed || (lent?.isLent && stream.destroyed)) {
        wipeOutputs(outputs);
        return;
      }
      if (lent?.isLent && rest) this.#takeBack(session, lent, rest);
      session.reading[tell](outputs);
    };
    return {
      lent,
      readsExactly: this.#policy.kernel.mayRead,
      answer: (outputs, rest) => inScope(() => heard(outputs, rest, 'answer')),
      told: (outputs, rest) => inScope(() => heard(outputs, rest, 'told')),
      failed: (errno, call) => inScope(() => void stream.destroy(systemError(errno, call))),
      refused: (error) => inScope(() => void this.#socket.destroy(asError(contextError(error, 'SSL')))),
    };
  }

  /** From here on its records come through this thread. */
  #takeBack({ reading, transport }: TlsSession, lent: LentSocket, rest: Uint8Array): void {
    lent.takeBack();
    this.below?.off('error', this.#onEarlyError);
    // First, as keys are for what comes behind it.
    if (rest.length > 0) reading.bytes(rest);
    transport.start(reading);
  }

  /** What depends on who listens by now, besides the options. */
  #setup(): HandshakeSetup {
    const { options, outlets } = this;
    const { isServer = false, server, SNICallback } = options;
    const isHeard = (event: string): boolean => server !== undefined && server.listenerCount(event) > 0;
    const answers = handshakeAnswers(options, {
      socket: this.#socket,
      serverName: () => this.#handshake?.serverName,
      asked: () => (isServer ? this.knowName() : undefined),
      fail: (error) => void this.#socket.destroy(asError(error)),
    });
    return {
      isServer,
      certificate: certificateOf(options),
      handsOutKeys: options.portableLayer !== 'wasm',
      alpn: this.#alpn,
      ech: this.#ech,
      sessionScope: isServer ? sessionScope(options) : undefined,
      pskIdentityHint: options.pskIdentityHint,
      requestOcsp: Boolean(options.requestOCSP),
      serverName: this.servername,
      session: this.offered ?? options.session,
      logsKeys: this.#socket.listenerCount('keylog') > 0 || outlets.wantsKeyLog,
      reportsKeys: outlets.exportsKeys,
      traces: options.enableTrace === true,
      asksAboutHello: Boolean(SNICallback) || isHeard('resumeSession'),
      asksAboutCertificate: isHeard('OCSPRequest'),
      reportsSessions: isHeard('newSession'),
      answers,
    };
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
