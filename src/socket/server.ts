import type { NonSharedBuffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { captureRejectionSymbol } from 'node:events';
import net from 'node:net';
import { alpnProtocols } from '../context/alpn-protocols.ts';
import { type Ech, readEch } from '../context/ech.ts';
import { isOneOf, letNodeRefuseServer, letNodeRefuseServerContext } from '../context/node-errors.ts';
import { replaceable } from '../context/replaceable.ts';
import { isSecureContext, type SecureContext, type SecureContextOptions } from '../context/secure-context.ts';
import { codedError, connectionReset, typeError } from '../errors/coded.ts';
import type { TicketKeyring } from '../tickets/keyring.ts';
import { checkKtlsOptions, type KtlsOptions, pickKtlsOptions } from './ktls-options.ts';
import { type KtlsPolicy, ktlsPolicy, underPolicy } from './ktls-policy.ts';
import { TLSSocket } from './tls-socket.ts';
import type { ChosenContext, TLSSocketOptions } from './tls-socket-options.ts';

/** Options of {@link createServer}: node:tls's, and {@link KtlsOptions}. */
export interface ServerOptions
  extends SecureContextOptions,
    Omit<net.ServerOpts, 'highWaterMark'>,
    Pick<
      TLSSocketOptions,
      | 'ALPNProtocols'
      | 'ALPNCallback'
      | 'SNICallback'
      | 'pskCallback'
      | 'pskIdentityHint'
      | 'requestCert'
      | 'rejectUnauthorized'
      | 'enableTrace'
    >,
    KtlsOptions {
  /** Milliseconds until an unfinished handshake is given up. Default 120,000. */
  handshakeTimeout?: number | undefined;
  highWaterMark?: number | undefined;
  /**
   * Keys for session tickets that change by the clock and may be those of other servers, too: what `createTicketKeyring` of ktls/tickets
   * answers. Instead of `ticketKeys`.
   */
  ticketKeyring?: TicketKeyring | undefined;
}

type Listener = (socket: TLSSocket) => void;

/** A TCP server whose connections are TLS: node:tls's Server. */
class TLSServer extends net.Server {
  declare requestCert: boolean;
  declare rejectUnauthorized: boolean;
  declare ALPNProtocols: Uint8Array | undefined;
  declare ALPNCallback: TLSSocketOptions['ALPNCallback'];
  /** The context of connections without one of their own. */
  declare _sharedCreds: SecureContext;
  /** By pattern of server names, in the order of {@link addContext}. */
  declare _contexts: [RegExp, SecureContext][];

  constructor(options?: ServerOptions | Listener | null, listener?: Listener) {
    const given = readArguments(options, listener);
    super(given.options);
    setUp(this, given);
  }

  /** A context for a name; `*` stands for one label. The last added that matches counts. Throws ERR_TLS_REQUIRED_SERVER_NAME. */
  addContext(servername: string, context: SecureContext | SecureContextOptions): void {
    if (!servername) {
      throw codedError('ERR_TLS_REQUIRED_SERVER_NAME', '"servername" is required parameter for Server.addContext');
    }
    const escaped = servername.replaceAll(/([.^$+?\-\\[\]{}])/g, '\\$1').replaceAll('*', '[^.]*');
    this._contexts.push([
      new RegExp(`^${escaped}$`, 'i'),
      isSecureContext(context) ? context : replaceable.createSecureContext(context),
    ]);
  }

  /** For connections from now on. */
  setSecureContext(options: SecureContextOptions): void {
    if (typeof options !== 'object' || options === null || Array.isArray(options)) letNodeRefuseServerContext(options);
    checkKeyring(this, options);
    const context = replaceable.createSecureContext(keepOptions(this, options));
    // What OpenSSL 4 does not take is said here, and not when somebody connects.
    if (echKeys.has(this)) context.for({ isServer: true, verifiesPeer: this.requestCert, engine: 'ech' });
    contextOptions.set(this, options);
    keyrings.get(this)?.supply(context);
    this._sharedCreds = context;
  }

  /** 48 bytes; servers that share them accept each other's tickets. */
  getTicketKeys(): NonSharedBuffer {
    return this._sharedCreds.getTicketKeys();
  }

  setTicketKeys(keys: Buffer): void {
    if (!ArrayBuffer.isView(keys)) {
      throw typeError(
        'ERR_INVALID_ARG_TYPE',
        `The "buffer" argument must be an instance of Buffer, TypedArray, or DataView. Received type ${typeof keys}`,
      );
    }
    if (keys.byteLength !== 48) {
      throw codedError('ERR_ASSERTION', 'Session ticket keys must be a 48-byte buffer');
    }
    if (openKeyring(this)) throw codedError('ERR_INVALID_STATE', 'The keys for tickets are those of a ticketKeyring');
    this._sharedCreds.setTicketKeys(keys);
  }

  /** For cluster: what the workers of a server have in common. */
  _getServerData(): { ticketKeys: string } {
    return { ticketKeys: openKeyring(this) ? '' : this.getTicketKeys().toString('hex') };
  }

  _setServerData({ ticketKeys }: { ticketKeys: string }): void {
    if (ticketKeys) this.setTicketKeys(Buffer.from(ticketKeys, 'hex'));
  }
}

/** With captureRejections: what an async listener throws ends its connection. */
Object.defineProperty(TLSServer.prototype, captureRejectionSymbol, {
  value(this: TLSServer, error: Error, event: string | symbol, socket: unknown): void {
    if (event === 'secureConnection' && socket instanceof TLSSocket) socket.destroy(error);
    else this.emit('error', error);
  },
});

interface Arguments {
  readonly options: ServerOptions;
  readonly listener: Listener | undefined;
}

/**
 * What a server was told of its context, as its properties, which node:tls has and programs read. What is not said is not there; session
 * timeout and ticket keys stay what they were. Answers what to make the context of.
 */
function keepOptions(server: TLSServer, options: SecureContextOptions): SecureContextOptions {
  const keyring = keyrings.get(server);
  const told: Record<string, unknown> = {};
  const keep = (name: string, value: unknown): void => {
    told[name] = value;
    if (secretOptions.has(name)) hide(server, name, value);
    else Reflect.set(server, name, value);
  };
  for (const name of truthyOptions) keep(name, Reflect.get(options, name) || undefined);
  for (const name of givenOptions) keep(name, Reflect.get(options, name));
  for (const name of stickyOptions) {
    const value: unknown = Reflect.get(options, name) || Reflect.get(server, name);
    if (value) keep(name, value);
  }
  // A server's own order of ciphers counts unless it says otherwise.
  keep('honorCipherOrder', options.honorCipherOrder === undefined || Boolean(options.honorCipherOrder));
  keep('sessionIdContext', options.sessionIdContext || keyring?.sessionIdContext || defaultSessionIdContext());
  // Of no use to a context of node:tls's server, which does not pass it on; said here, it is meant.
  return { ...told, allowPartialTrustChain: options.allowPartialTrustChain };
}

/** Whether {@link exchangeCredentials} can be asked for: it is a server of ours, or one that was taken over. */
export function hasOurContext(server: unknown): server is TLSServer {
  return server instanceof net.Server && contextOptions.has(Object(server));
}

/**
 * New credentials for connections from now on; all else that the server was told stays, and its sessions go on where its demands of clients are the
 * same (see {@link sessionScope}). Throws what {@link createSecureContext} throws, and nothing has changed then.
 */
export function exchangeCredentials(
  server: TLSServer,
  { ca, ...credentials }: Pick<SecureContextOptions, 'key' | 'cert' | 'passphrase' | 'ca'>,
): void {
  const options = { ...contextOptions.get(server), pfx: undefined, ...credentials, ...(ca && { ca }) };
  replaceable.createSecureContext(options);
  const ticketKeys = openKeyring(server) ? undefined : server.getTicketKeys();
  server.setSecureContext(options);
  if (ticketKeys) server.setTicketKeys(ticketKeys);
  ticketKeys?.fill(0);
}

/** There to be read, and not for inspect() to show. */
function hide(server: object, name: string, value: unknown): void {
  let now = value;
  const set = (other: unknown): void => {
    now = other;
  };
  Object.defineProperty(server, name, { configurable: true, enumerable: true, get: () => now, set });
}

const secretOptions = new Set(['key', 'pfx', 'passphrase', 'ticketKeys']);
const truthyOptions = [
  ...['pfx', 'key', 'passphrase', 'cert', 'clientCertEngine', 'ca', 'minVersion', 'maxVersion', 'secureProtocol'],
  ...['crl', 'ciphers', 'dhparam', 'secureOptions'],
];
const givenOptions = ['sigalgs', 'ecdhCurve', 'privateKeyIdentifier', 'privateKeyEngine', 'certificateCompression'];
const stickyOptions = ['sessionTimeout', 'ticketKeys'];

const kept = new WeakMap<TLSServer, Arguments>();
/** What the context of a server was made of last. */
const contextOptions = new WeakMap<TLSServer, SecureContextOptions>();
/** Made once for all connections of a server. */
const policies = new WeakMap<TLSServer, KtlsPolicy>();
const echKeys = new WeakMap<TLSServer, Ech>();
/** Of servers whose keys for tickets come from one. */
const keyrings = new WeakMap<TLSServer, TicketKeyring>();

function internals(server: TLSServer): Arguments {
  return kept.get(server) ?? { options: {}, listener: undefined };
}

function readArguments(options: ServerOptions | Listener | null | undefined, listener?: Listener): Arguments {
  const given =
    typeof options === 'function' ? { options: {}, listener: options } : { options: options ?? {}, listener };
  if (!looksRight(given.options)) letNodeRefuseServer(given.options);
  return given;
}

/**
 * Makes a new server that Node.js has made, one of node:https or node:http2, accept connections as ours do: with our handshakes, contexts
 * and tickets. All else of it stays what it was.
 */
export function takeOver(server: net.Server, options: ServerOptions): void {
  // So far only node:tls listens.
  server.removeAllListeners('connection');
  for (const name of Reflect.ownKeys(TLSServer.prototype)) {
    const member = Object.getOwnPropertyDescriptor(TLSServer.prototype, name);
    if (member && name !== 'constructor' && name !== captureRejectionSymbol)
      Object.defineProperty(server, name, member);
  }
  if (hasOurMembers(server)) setUp(server, { options, listener: undefined });
}

function hasOurMembers(server: net.Server): server is TLSServer {
  return 'addContext' in server && server.addContext === TLSServer.prototype.addContext;
}

function setUp(server: TLSServer, given: Arguments): void {
  const { options, listener } = given;
  if (options.ALPNCallback && options.ALPNProtocols) {
    throw typeError(
      'ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS',
      'The ALPNCallback and ALPNProtocols TLS options are mutually exclusive',
    );
  }
  checkKtlsOptions(options);
  const ech = readEch(options.ech, true);
  if (ech) echKeys.set(server, ech);
  const keyring = keyringIn(options);
  if (keyring) keyrings.set(server, keyring);
  const policy = ktlsPolicy(options.ktls);
  policies.set(server, policy);
  server.once('listening', () => policy.prepare());
  kept.set(server, given);
  server._contexts = [];
  server.requestCert = options.requestCert === true;
  server.rejectUnauthorized = options.rejectUnauthorized !== false;
  server.ALPNCallback = options.ALPNCallback;
  server.ALPNProtocols = alpnProtocols(options.ALPNProtocols);
  server.setSecureContext(options);
  server.on('connection', (socket: net.Socket) => accept(server, socket));
  if (listener) server.on('secureConnection', listener);
}

/** Throws ERR_INVALID_ARG_TYPE and ERR_INVALID_ARG_VALUE. */
function keyringIn({ ticketKeyring, ticketKeys }: ServerOptions): TicketKeyring | undefined {
  if (ticketKeyring === undefined || ticketKeyring === null) return undefined;
  if (typeof ticketKeyring?.supply !== 'function')
    throw typeError('ERR_INVALID_ARG_TYPE', 'The option ticketKeyring must be a TicketKeyring of ktls/tickets');
  if (ticketKeys)
    throw typeError('ERR_INVALID_ARG_VALUE', 'The options ticketKeyring and ticketKeys are mutually exclusive');
  return ticketKeyring;
}

/** A server keeps the keyring that it was made with. Throws ERR_INVALID_ARG_VALUE. */
function checkKeyring(server: TLSServer, options: SecureContextOptions): void {
  const given: unknown = Reflect.get(options, 'ticketKeyring') ?? undefined;
  const own = keyrings.get(server);
  if (given !== undefined && given !== own)
    throw typeError('ERR_INVALID_ARG_VALUE', 'A server has the option ticketKeyring from its making on');
  if (openKeyring(server) && options.ticketKeys)
    throw typeError('ERR_INVALID_ARG_VALUE', 'The options ticketKeyring and ticketKeys are mutually exclusive');
}

/** One that is closed gives no keys any more. */
function openKeyring(server: TLSServer): TicketKeyring | undefined {
  const keyring = keyrings.get(server);
  return keyring?.closed ? undefined : keyring;
}

function accept(server: TLSServer, stream: net.Socket): void {
  const { options } = internals(server);
  const accepted: TLSSocketOptions = {
    ...pick(options),
    ech: echKeys.get(server),
    isServer: true,
    server,
    secureContext: server._sharedCreds,
    requestCert: server.requestCert,
    rejectUnauthorized: server.rejectUnauthorized,
    ALPNProtocols: server.ALPNProtocols,
    ALPNCallback: server.ALPNCallback,
    SNICallback: options.SNICallback ?? (server._contexts.length > 0 ? chooseContext(server) : undefined),
  };
  const socket = new TLSSocket(stream, underPolicy(accepted, policies.get(server)));
  watchHandshake(server, socket, options.handshakeTimeout || defaultHandshakeTimeout);
  // For those who want to see handshakes from their start; node:tls has nothing of the kind.
  server.emit('tlsConnection', socket);
  for (const event of ['keylog', 'keys']) {
    if (server.listenerCount(event) > 0) socket.on(event, (told: unknown) => server.emit(event, told, socket));
  }
}

/** Until the handshake is done, what goes wrong is told to the server and not to the socket, which nobody has yet. */
function watchHandshake(server: TLSServer, socket: TLSSocket, milliseconds: number): void {
  // A fixed deadline, however slowly the peer goes on sending.
  const timer = setTimeout(() => {
    socket.destroy(codedError('ERR_TLS_HANDSHAKE_TIMEOUT', 'TLS handshake timeout'));
  }, milliseconds);
  let told = false;
  const isTold = (): boolean => told || socket._controlReleased;
  const onError = (error: Error): void => {
    if (isTold()) return;
    told = true;
    server.emit('tlsClientError', error, socket);
  };
  socket.on('_tlsError', onError);
  socket.once('close', () => {
    clearTimeout(timer);
    if (!isTold()) onError(connectionReset('socket hang up'));
  });
  socket.once('secure', () => {
    clearTimeout(timer);
    if (!judgeClient(socket) || !socket._releaseControl()) return;
    socket.secureConnecting = false;
    server.emit('secureConnection', socket);
  });
}

/** False: the client is not trusted, and gone. What was asked of it when it came counts. */
function judgeClient(socket: TLSSocket): boolean {
  if (!socket._requestCert) return true;
  const error = socket.verifyError();
  socket.authorized = !error;
  if (!error) return true;
  Reflect.set(socket, 'authorizationError', 'code' in error ? String(error.code) : error.message);
  if (socket._rejectUnauthorized) socket.destroy();
  return !socket._rejectUnauthorized;
}

function chooseContext(server: TLSServer) {
  return (servername: string, done: ChosenContext): void => {
    done(null, server._contexts.findLast(([pattern]) => pattern.test(servername))?.[1]);
  };
}

/** What each connection is told as its server was. */
function pick(options: ServerOptions): TLSSocketOptions {
  const { pskCallback, pskIdentityHint, pauseOnConnect, enableTrace } = options;
  return { ...pickKtlsOptions(options), pskCallback, pskIdentityHint, pauseOnConnect, enableTrace };
}

function looksRight(options: ServerOptions): boolean {
  return (
    typeof options === 'object' &&
    isOneOf(options.handshakeTimeout, 'number') &&
    isOneOf(options.SNICallback, 'function') &&
    isOneOf(options.ALPNCallback, 'function') &&
    isOneOf(options.pskCallback, 'function') &&
    isOneOf(options.pskIdentityHint, 'string') &&
    isOneOf(options.enableTrace, 'boolean')
  );
}

/** So that a server's restart with the same arguments goes on accepting its sessions, and another program's does not. */
function defaultSessionIdContext(): string {
  return createHash('sha1').update(process.argv.join(' ')).digest('hex').slice(0, 32);
}

const defaultHandshakeTimeout = 120_000;

export type Server = TLSServer;

/**
 * node:tls's Server can be called without `new`, by itself or (as https.Server does) on an object that inherits from it. So can this.
 */
export const Server: typeof TLSServer = new Proxy(TLSServer, {
  apply(target, self: unknown, args: [ServerOptions?, Listener?]) {
    if (!(self instanceof target)) return new target(...args);
    const given = readArguments(...args);
    Reflect.apply(net.Server, self, [given.options]);
    setUp(self, given);
    return self;
  },
});

/** As tls.createServer of node:tls. */
export function createServer(options?: ServerOptions | Listener | null, secureConnectionListener?: Listener): Server {
  return new Server(options, secureConnectionListener);
}
