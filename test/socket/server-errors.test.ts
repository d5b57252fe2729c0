import { once } from 'node:events';
import net from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import {
  type ClientOptions,
  type Implementation,
  nodeTls,
  ours,
  type ServerOptions,
  type TlsSocket,
} from './implementations.ts';
import { closed, owned, properties, serve } from './scenario.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

/** What a server told of one connection. */
type Told = readonly unknown[];

/** The first of `secureConnection` and `tlsClientError`, while `disturb` does something to the server. */
async function told(
  implementation: Implementation,
  options: ServerOptions,
  disturb: (port: number) => void,
): Promise<Told> {
  const { server, port } = await serve(implementation, { ...identities.server, ...options });
  const outcome = new Promise<Told>((resolve) => {
    server.once('secureConnection', ({ authorized, authorizationError }: TlsSocket) => {
      resolve(['secureConnection', authorized, authorizationError]);
    });
    server.once('tlsClientError', (error: Error, socket: TlsSocket) => {
      resolve(['tlsClientError', properties(error, ['code', 'library', 'reason']), socket instanceof net.Socket]);
    });
  });
  disturb(port);
  return await outcome;
}

function raw(port: number, speak: (socket: net.Socket) => void): void {
  const socket = owned(net.connect(port, '127.0.0.1', () => speak(socket)));
  socket.on('error', () => {}).resume();
}

describe.each(ours)('$name server, beside node:tls', (implementation) => {
  async function same(options: () => ServerOptions, disturb: (port: number) => void): Promise<Told> {
    const expected = await told(nodeTls, options(), disturb);
    const actual = await told(implementation, options(), disturb);
    expect(actual).toEqual(expected);
    return actual;
  }

  it.each([
    ['speaks HTTP', (socket: net.Socket) => socket.write('GET / HTTP/1.1\r\n\r\n'), 'ERR_SSL_HTTP_REQUEST'],
    ['speaks something else', (socket: net.Socket) => socket.write('EHLO client\r\n'), 'ERR_SSL_WRONG_VERSION_NUMBER'],
    ['leaves at once', (socket: net.Socket) => socket.end(), 'ECONNRESET'],
    ['resets at once', (socket: net.Socket) => socket.resetAndDestroy(), 'ECONNRESET'],
  ])('a client that %s', async (_, speak, code) => {
    const [event, error] = await same(
      () => ({}),
      (port) => raw(port, speak),
    );
    expect(event).toBe('tlsClientError');
    expect(error).toMatchObject({ code });
  });

  it('a client that says nothing: handshakeTimeout', async () => {
    const [event, error] = await same(
      () => ({ handshakeTimeout: 50 }),
      (port) => raw(port, () => {}),
    );
    expect(event).toBe('tlsClientError');
    expect(error).toMatchObject({ code: 'ERR_TLS_HANDSHAKE_TIMEOUT' });
  });

  it('a client that stops in the middle: handshakeTimeout is not pushed out by what arrives', async () => {
    const [, error] = await same(
      () => ({ handshakeTimeout: 200 }),
      (port) =>
        raw(port, (socket) => {
          // A hello that is never whole, a byte at a time.
          socket.write(Buffer.from([22, 3, 1, 1, 0]));
          const timer = setInterval(() => socket.write(Buffer.alloc(1)), 20);
          socket.once('close', () => clearInterval(timer));
        }),
    );
    expect(error).toMatchObject({ code: 'ERR_TLS_HANDSHAKE_TIMEOUT' });
  });

  it.each<[string, ServerOptions, ClientOptions]>([
    ['no version in common', { minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }],
    [
      'no cipher in common',
      { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' },
      { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384', maxVersion: 'TLSv1.2' },
    ],
    ['no protocol in common', { ALPNProtocols: ['a'] }, { ALPNProtocols: ['b'] }],
  ])('%s', async (_, server, client) => {
    const [event] = await same(
      () => server,
      (port) => connect(port, client),
    );
    expect(event).toBe('tlsClientError');
  });

  describe('requestCert', () => {
    const clients: readonly [string, () => ClientOptions, boolean][] = [
      ['none', () => ({}), false],
      ['one of a trusted authority', () => identities.client, true],
      ['one of a stranger', () => identities.stranger, false],
    ];

    it.each(clients)('given %s', async (_, client, trusted) => {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        for (const rejectUnauthorized of [true, false]) {
          const server = (): ServerOptions => ({
            ...{ requestCert: true, rejectUnauthorized, ca: identities.authority.cert, maxVersion },
          });
          const [event, authorized] = await same(server, (port) => connect(port, client()));
          expect(event).toBe(rejectUnauthorized && !trusted ? 'tlsClientError' : 'secureConnection');
          if (event === 'secureConnection') expect(authorized).toBe(trusted);
        }
      }
    });

    it('not set: a client’s certificate is not asked for', async () => {
      const [event, authorized] = await same(
        () => ({}),
        (port) => connect(port, identities.client),
      );
      expect([event, authorized]).toEqual(['secureConnection', false]);
    });
  });

  it('goes on serving behind failures', async () => {
    const { server, port } = await serve(implementation, identities.server);
    raw(port, (socket) => socket.write('nonsense\r\n'));
    await once(server, 'tlsClientError');
    connect(port, {});
    await once(server, 'secureConnection');
  });

  it('closes when its last connection has', async () => {
    const { server, port } = await serve(implementation, identities.server, (socket) => socket.resume());
    const client = owned(nodeTls.connect({ ...local(port), ca: identities.authority.cert })).resume();
    await once(client, 'secureConnect');
    const end = once(server, 'close');
    server.close();
    client.end();
    await Promise.all([end, closed(client)]);
  });

  function connect(port: number, options: ClientOptions): void {
    const { cert, key, ...others } = options;
    const identity = cert && key ? { cert, key } : {};
    const socket = owned(nodeTls.connect({ ...local(port), ca: identities.authority.cert, ...identity, ...others }));
    socket.on('error', () => {});
  }
});

function local(port: number): ClientOptions {
  return { host: '127.0.0.1', port, servername: 'localhost' };
}
