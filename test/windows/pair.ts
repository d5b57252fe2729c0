import { once } from 'node:events';
import type net from 'node:net';
import tls, { type TLSSocket } from 'ktls';
import { afterEach } from 'vitest';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';

export interface Credentials {
  readonly authority: Authority;
  readonly identity: Identity;
}

export async function makeCredentials(): Promise<Credentials> {
  const authority = await makeAuthority();
  return { authority, identity: await issue(authority) };
}

const servers = new Set<net.Server>();

afterEach(() => {
  for (const server of servers) server.close();
  servers.clear();
});

/** A server of the installed package, closed behind the test; `at` is a path or, by default, a free port. */
export async function serve(
  { identity }: Credentials,
  onConnection: (socket: TLSSocket) => void,
  at?: string,
): Promise<{ readonly server: net.Server; readonly address: { port: number; host: string } | { path: string } }> {
  const server = tls.createServer({ ...identity, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  servers.add(server);
  if (at === undefined) server.listen(0, '127.0.0.1');
  else server.listen(at);
  await once(server, 'listening');
  const address = server.address();
  if (address === null) throw new Error('the server does not listen');
  return {
    server,
    address: typeof address === 'string' ? { path: address } : { port: address.port, host: '127.0.0.1' },
  };
}

export function dial(
  { authority }: Credentials,
  address: { port: number; host: string } | { path: string },
  options: { maxVersion?: 'TLSv1.2' | 'TLSv1.3' } = {},
): TLSSocket {
  return tls.connect({ ...address, allowHalfOpen: true, servername: 'localhost', ca: authority.cert, ...options });
}

/** A named pipe on Windows, a socket in the file system elsewhere. */
export function pipeName(name: string): string {
  return process.platform === 'win32' ? `\\\\.\\pipe\\ktls-${process.pid}-${name}` : `/tmp/ktls-${process.pid}-${name}`;
}
