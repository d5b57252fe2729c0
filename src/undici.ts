import net from 'node:net';
import { bridgeHttp2 } from './adapters/http2-bridge.ts';
import type { KtlsOptions } from './adapters/options.ts';
import { type ConnectOptions, connect } from './tls.ts';

/** Options of {@link buildConnector}: undici's, and those of this library's connect. */
export interface ConnectorOptions extends Omit<ConnectOptions, 'timeout' | 'path'>, KtlsOptions {
  /** Offers HTTP/2. Default false. */
  allowH2?: boolean | undefined;
  /** Sessions kept for resumption, one for each server name. Default 100. */
  maxCachedSessions?: number | null | undefined;
  socketPath?: string | null | undefined;
  /** Milliseconds until a connection must be there, handshake included. Default 10,000; 0: no limit. */
  timeout?: number | null | undefined;
}

/** Where undici wants to be connected to. */
export interface Origin {
  readonly hostname: string;
  readonly host?: string | undefined;
  readonly protocol: string;
  readonly port: string;
  readonly servername?: string | undefined;
  readonly localAddress?: string | null | undefined;
  /** A connection to a proxy, to be used for TLS. */
  readonly httpSocket?: net.Socket | undefined;
}

type Callback = (...args: [null, net.Socket] | [Error, null]) => void;

/**
 * A connector for undici: `new Agent({ connect: buildConnector() })`, also as the `dispatcher` of fetch. It does what undici's own
 * buildConnector does.
 */
export function buildConnector(options: ConnectorOptions = {}): (origin: Origin, callback: Callback) => net.Socket {
  const { allowH2 = false, maxCachedSessions, socketPath, timeout, session, ...rest } = options;
  if (allowH2) bridgeHttp2();
  const sessions = new Map<string, Uint8Array>();
  const limit = maxCachedSessions ?? 100;
  const common = { ...rest, ...(socketPath && { path: socketPath }) };

  const connectSecurely = (origin: Origin): net.Socket => {
    const servername = origin.servername || rest.servername || nameIn(origin.host);
    const name = servername || origin.hostname;
    const socket = connect({
      ...common,
      port: Number(origin.port || 443),
      host: origin.hostname,
      servername,
      session: session ?? sessions.get(name),
      ALPNProtocols: allowH2 ? ['http/1.1', 'h2'] : ['http/1.1'],
      ...(origin.localAddress && { localAddress: origin.localAddress }),
      ...(origin.httpSocket && { socket: origin.httpSocket }),
    });
    return socket.on('session', (session: Buffer) => keep(sessions, { name, session, limit }));
  };

  return (origin, callback) => {
    const secure = origin.protocol === 'https:';
    const socket = secure
      ? connectSecurely(origin)
      : net.connect({ ...common, port: Number(origin.port || 80), host: origin.hostname });
    if (rest.keepAlive !== false) socket.setKeepAlive(true, rest.keepAliveInitialDelay ?? 60_000);
    tellOnce(socket, { connected: secure ? 'secureConnect' : 'connect', timeout: timeout ?? 10_000, origin, callback });
    return socket.setNoDelay(true);
  };
}

interface Outcome {
  readonly connected: 'secureConnect' | 'connect';
  readonly timeout: number;
  readonly origin: Origin;
  readonly callback: Callback;
}

function tellOnce(socket: net.Socket, { connected, timeout, origin, callback }: Outcome): void {
  const expire = (): void => void socket.destroy(timedOut(origin, timeout));
  const deadline = timeout > 0 ? setTimeout(expire, timeout) : undefined;
  const onError = (error: Error): void => {
    clearTimeout(deadline);
    socket.removeListener(connected, onConnect);
    callback(error, null);
  };
  const onConnect = (): void => {
    clearTimeout(deadline);
    socket.removeListener('error', onError);
    callback(null, socket);
  };
  socket.once(connected, onConnect);
  socket.once('error', onError);
}

/** The oldest goes where there are too many. */
function keep(
  sessions: Map<string, Uint8Array>,
  { name, session, limit }: { name: string; session: Uint8Array; limit: number },
): void {
  sessions.delete(name);
  for (const oldest of sessions.keys()) {
    if (sessions.size < limit) break;
    sessions.delete(oldest);
  }
  if (limit > 0) sessions.set(name, session);
}

/** The name in a Host header; none for an address (RFC 6066 §3). */
function nameIn(host: string | undefined): string | undefined {
  const name = host?.replace(/:\d+$/, '') ?? '';
  return name.startsWith('[') || net.isIP(name) ? undefined : name || undefined;
}

/** By the name and code of undici's own, which applications look for. */
function timedOut({ hostname, port }: Origin, milliseconds: number): Error {
  const where = `${hostname}:${port || 443}`;
  return Object.assign(new Error(`Connect Timeout Error (attempted address: ${where}, timeout: ${milliseconds}ms)`), {
    name: 'ConnectTimeoutError',
    code: 'UND_ERR_CONNECT_TIMEOUT',
  });
}
