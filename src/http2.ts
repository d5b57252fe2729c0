import http2 from 'node:http2';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import { carryServer } from './adapters/carry-server.ts';
import { bridgeHttp2 } from './adapters/http2-bridge.ts';
import type { KtlsOptions, ServerTickets } from './adapters/options.ts';
import { connect as connectTls } from './tls.ts';

export * from 'node:http2';

type RequestListener = (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void;
type SessionListener = NonNullable<Parameters<typeof http2.connect>[2]>;
type SecureServerOptions = http2.SecureServerOptions & KtlsOptions & ServerTickets;
type SessionOptions = (http2.ClientSessionOptions | http2.SecureClientSessionOptions) & KtlsOptions;

/** As http2.createSecureServer of node:http2. */
export function createSecureServer(
  options?: SecureServerOptions | RequestListener,
  onRequest?: RequestListener,
): http2.Http2SecureServer {
  const server: http2.Http2SecureServer = Reflect.apply(http2.createSecureServer, http2, [options, onRequest]);
  return carryServer(server, typeof options === 'object' ? options : {});
}

/** As http2.connect of node:http2. Plain text for `http:`, as there. */
export function connect(authority: string | URL, listener: SessionListener): http2.ClientHttp2Session;
export function connect(
  authority: string | URL,
  options?: SessionOptions,
  listener?: SessionListener,
): http2.ClientHttp2Session;
export function connect(
  authority: string | URL,
  options?: SessionOptions | SessionListener,
  listener?: SessionListener,
): http2.ClientHttp2Session {
  if (typeof options === 'function') return connect(authority, undefined, options);
  return http2.connect(authority, { createConnection, ...options }, listener);
}

/** As util.promisify makes of node:http2's: a promise of the connected session. */
Object.defineProperty(connect, promisify.custom, {
  value(authority: string | URL, options?: SessionOptions): Promise<http2.ClientHttp2Session> {
    return new Promise((resolve, reject) => {
      const session = connect(authority, options, () => {
        session.removeListener('error', reject);
        resolve(session);
      });
      session.once('error', reject);
    });
  },
});

/** What node:http2 does where there is no createConnection, with this library's connect. */
function createConnection(authority: URL, { createConnection: _, ...options }: SessionOptions): Duplex {
  const host = (authority.hostname || authority.host || 'localhost').replace(/^\[|]$/g, '');
  const protocol = authority.protocol || options.protocol || 'https:';
  if (protocol === 'http:') {
    return Reflect.apply(net.connect, net, [{ host, port: Number(authority.port || 80), ...options }]);
  }
  const implied = {
    port: Number(authority.port || 443),
    host,
    ...(net.isIP(host) === 0 && { servername: host }),
    ...(!('ALPNCallback' in options) && { ALPNProtocols: ['h2'] }),
  };
  return Reflect.apply(connectTls, undefined, [{ ...implied, ...options, ALPNProtocols: implied.ALPNProtocols }]);
}

bridgeHttp2();

const adapter: Omit<typeof http2, 'connect' | 'createSecureServer'> & {
  connect: typeof connect;
  createSecureServer: typeof createSecureServer;
} = { ...http2, connect, createSecureServer };

export { adapter as default, adapter as 'module.exports' };
