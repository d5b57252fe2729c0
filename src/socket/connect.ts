import net from 'node:net';
import type tls from 'node:tls';
import { defaults } from '../context/defaults.ts';
import { isOneOf, letNodeRefuseConnect } from '../context/node-errors.ts';
import { replaceable } from '../context/replaceable.ts';
import { codedError, connectionReset } from '../errors/coded.ts';
import { nodeTls } from '../platform/node-tls.ts';
import type { KtlsOptions } from './ktls-options.ts';
import { sharedLegacy } from './negotiated.ts';
import { unwrapSession, wrapSession } from './session-state.ts';
import { TLSSocket } from './tls-socket.ts';
import { rawSession } from './told-sessions.ts';

/** Options of {@link connect}: node:tls's, net.connect's, and {@link KtlsOptions}. */
export interface ConnectOptions
  extends Omit<tls.ConnectionOptions, 'session'>,
    KtlsOptions,
    Partial<Omit<net.TcpNetConnectOpts, keyof tls.ConnectionOptions>> {
  /** As {@link TLSSocket.getSession} gives it. */
  session?: Uint8Array | undefined;
  highWaterMark?: number | undefined;
}

interface Judgement {
  /** The name that the server must prove. */
  readonly identity: string;
  readonly rejectUnauthorized: boolean;
  readonly minDHSize: number;
  readonly judge: typeof tls.checkServerIdentity;
}

/** As tls.connect of node:tls. */
export function connect(options: ConnectOptions, secureConnectListener?: () => void): TLSSocket;
export function connect(port: number, options?: ConnectOptions, secureConnectListener?: () => void): TLSSocket;
export function connect(
  port: number,
  host?: string,
  options?: ConnectOptions,
  secureConnectListener?: () => void,
): TLSSocket;
export function connect(...args: ConnectArguments): TLSSocket {
  const { options, listener } = normalize(args);
  if (!looksRight(options)) letNodeRefuseConnect(options);
  askOfAddress(options);
  const identity = identityOf(options);
  const rejectUnauthorized = verifies(options, unauthorizedAllowed());
  const socket = new TLSSocket(options.socket, {
    ...options,
    isServer: false,
    // A server's options, which node:tls does not look at here.
    server: undefined,
    pauseOnConnect: undefined,
    rejectUnauthorized,
    secureContext:
      options.secureContext || replaceable.createSecureContext({ ciphers: defaults.DEFAULT_CIPHERS, ...options }),
    session: unwrapSession(options.session, { identity, verifies: rejectUnauthorized }),
    servername: options.servername ?? '',
  });
  const judge = options.checkServerIdentity ?? replaceable.checkServerIdentity;
  const { minDHSize = 1024 } = options;
  const tellSessions = reportSessions(socket, identity);
  const onEnd = (): void => failBeforeSecure(socket, options);
  socket.once('secure', () => {
    if (!isTrusted(socket, { identity, rejectUnauthorized, judge, minDHSize })) return;
    socket.removeListener('end', onEnd);
    socket.secureConnecting = false;
    try {
      socket.emit('secureConnect');
    } finally {
      tellSessions();
    }
  });
  if (listener) socket.once('secureConnect', listener);
  socket.prependListener('end', onEnd);
  if (!options.socket) {
    if (options.timeout) socket.setTimeout(options.timeout);
    socket.connect(options);
  }
  socket._releaseControl();
  socket._start();
  return socket;
}

/** Judges the server: first its chain, then its name (RFC 6125); a resumed session was judged when it was made. */
function isTrusted(socket: TLSSocket, { identity, rejectUnauthorized, judge, minDHSize }: Judgement): boolean {
  const key = socket.getEphemeralKeyInfo();
  if (key && 'type' in key && key.type === 'DH' && 'size' in key && Number(key.size) < minDHSize) {
    socket.destroy(codedError('ERR_TLS_DH_PARAM_SIZE', `DH parameter size ${key.size} is less than ${minDHSize}`));
    return false;
  }
  let error: Error | null | undefined;
  try {
    error = socket.verifyError() ?? (socket.isSessionReused() ? undefined : judgeName(socket, identity, judge));
  } catch (thrown) {
    // What is not judged is not trusted. node:tls leaves such a connection open, and its data is read.
    socket.destroy();
    throw thrown;
  }
  if (error) {
    socket.authorized = false;
    const code = 'code' in error && typeof error.code === 'string' ? error.code : error.message;
    Reflect.set(socket, 'authorizationError', code);
    if (rejectUnauthorized) socket.destroy(error);
    return !rejectUnauthorized;
  }
  socket.authorized = true;
  return true;
}

function judgeName(socket: TLSSocket, identity: string, judge: Judgement['judge']): Error | undefined {
  const certificate = judge === nodeTls.checkServerIdentity ? socket.getPeerX509Certificate() : undefined;
  // What it says of a wrong name goes to the application, with a certificate of its own.
  if (certificate && !judge(identity, sharedLegacy(certificate))) return undefined;
  return Reflect.apply(judge, undefined, [identity, socket.getPeerCertificate(true)]);
}

/** Sessions are told once the server is trusted, which the answer says, each with its name. The last of those that came before counts. */
function reportSessions(socket: TLSSocket, identity: string): () => void {
  let verified = false;
  let waiting: Buffer | undefined;
  // Nobody gets a copy who does not listen: a session is a secret.
  const tell = (session: Buffer): void => {
    if (socket.listenerCount('session') > 0) socket.emit('session', wrapSession(session, identity));
  };
  socket.on(rawSession, (session: Buffer) => {
    if (verified) tell(session);
    else waiting = session;
  });
  const get = socket.getSession.bind(socket);
  socket.getSession = () => {
    const session = get();
    return session && wrapSession(session, identity);
  };
  const set = socket.setSession.bind(socket);
  socket.setSession = (state) => {
    const session = unwrapSession(state, { identity, verifies: true });
    if (session) set(session);
  };
  return () => {
    verified = true;
    if (waiting) tell(waiting);
    waiting = undefined;
  };
}

function failBeforeSecure(socket: TLSSocket, { path, host, port, localAddress }: ConnectOptions): void {
  if (socket.destroyed) return;
  const error = connectionReset('Client network socket disconnected before secure TLS connection was established');
  socket.destroy(Object.assign(error, { path, host, port, localAddress }));
}

function identityOf({ servername, host, socket }: ConnectOptions): string {
  const given: unknown = socket && Reflect.get(socket, '_host');
  return servername || host || (typeof given === 'string' && given) || 'localhost';
}

/** RFC 6066 §3: literal addresses are no server names. Node.js 26 refuses them, and those before warn of the first. */
function askOfAddress(options: ConnectOptions): void {
  const { servername } = options;
  // A name most often has a letter behind 'f', and no net.isIP() to be asked, which takes a millisecond the first time.
  if (!mayBeAddress && servername && !/[g-z]/i.test(servername) && net.isIP(servername) !== 0) {
    letNodeRefuseConnect(options);
    mayBeAddress = true;
  }
}

let mayBeAddress = false;

/** Only `false` turns the verification off. The environment counts where nothing is said, `undefined` included. */
function verifies(options: ConnectOptions, allowed: boolean): boolean {
  return 'rejectUnauthorized' in options ? options.rejectUnauthorized !== false : !allowed;
}

let warned = false;

/** NODE_TLS_REJECT_UNAUTHORIZED=0, which node:tls warns of once. */
function unauthorizedAllowed(): boolean {
  const allowed = process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0';
  if (allowed && !warned) {
    warned = true;
    process.emitWarning(
      "Setting the NODE_TLS_REJECT_UNAUTHORIZED environment variable to '0' makes TLS connections and HTTPS requests " +
        'insecure by disabling certificate verification.',
    );
  }
  return allowed;
}

function looksRight(options: ConnectOptions): boolean {
  const { checkServerIdentity = nodeTls.checkServerIdentity, minDHSize = 1 } = options;
  return (
    // For node:tls, undefined is no function and no number either.
    !unsaid.some((name) => name in options && options[name] === undefined) &&
    typeof checkServerIdentity === 'function' &&
    typeof minDHSize === 'number' &&
    minDHSize >= 1 &&
    (!options.servername || typeof options.servername === 'string') &&
    (!options.session || isOneOf(options.session, 'bytes', 'string')) &&
    isOneOf(options.pskCallback, 'function') &&
    isOneOf(options.enableTrace, 'boolean')
  );
}

const unsaid = ['checkServerIdentity', 'minDHSize'] as const;

type ConnectArguments = readonly (ConnectOptions | number | string | (() => void) | undefined | null)[];

/** (options, listener), (port, options, listener), (port, host, options, listener), (path, …): options count over what stands before. */
function normalize(args: ConnectArguments): { options: ConnectOptions; listener: (() => void) | undefined } {
  const options: ConnectOptions = {};
  let listener: (() => void) | undefined;
  for (const [index, argument] of args.entries()) {
    if (typeof argument === 'function') listener ??= argument;
    else if (typeof argument === 'object' && argument !== null) Object.assign(options, argument);
    else if (index === 0 && typeof argument === 'string' && !/^\d+$/.test(argument)) options.path = argument;
    else if (index === 0 && argument !== undefined && argument !== null) options.port = Number(argument);
    else if (index === 1 && typeof argument === 'string' && typeof args[0] !== 'object') options.host = argument;
  }
  return { options, listener };
}
