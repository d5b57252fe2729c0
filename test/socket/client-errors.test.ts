import { once } from 'node:events';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { type ClientOptions, type Implementation, nodeTls, ours, type ServerOptions } from './implementations.ts';
import { closed, type Events, owned, properties, record, serve, servePlain } from './scenario.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

interface Outcome {
  readonly events: Events;
  readonly error: object | undefined;
  readonly authorized: boolean;
  readonly authorizationError: unknown;
}

/** Not the message: node:tls's has source lines of its OpenSSL, and advice. */
const errorProperties = ['code', 'library', 'reason', 'host', 'syscall', 'path', 'localAddress'];

/** A client's life up to its close; once it is secure it ends. */
async function outcome(implementation: Implementation, options: ClientOptions): Promise<Outcome> {
  const socket = owned(implementation.connect(options));
  const events = record(socket);
  let error: object | undefined;
  socket.on('error', (found) => {
    error = properties(found, errorProperties);
  });
  socket.once('secureConnect', () => socket.end());
  socket.resume();
  await closed(socket);
  const { authorized, authorizationError } = socket;
  return { events, error, authorized, authorizationError };
}

/** The same against a node:tls server. */
async function against(
  implementation: Implementation,
  server: ServerOptions,
  options: ClientOptions,
): Promise<Outcome> {
  const { port } = await serve(nodeTls, server, (socket) => socket.resume());
  return await outcome(implementation, { host: '127.0.0.1', port, servername: 'localhost', ...options });
}

describe.each(ours)('$name client, beside node:tls', (implementation) => {
  async function same(server: () => ServerOptions, options: () => ClientOptions): Promise<Outcome> {
    const [expected, actual] = [
      await against(nodeTls, server(), options()),
      await against(implementation, server(), options()),
    ];
    expect(actual).toEqual(expected);
    return actual;
  }

  const trusting = (): ClientOptions => ({ ca: identities.authority.cert });

  it.each([
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', () => identities.stranger],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', () => identities.selfSigned],
    ['CERT_HAS_EXPIRED', () => identities.expired],
    ['CERT_NOT_YET_VALID', () => identities.early],
    ['ERR_TLS_CERT_ALTNAME_INVALID', () => identities.wrongName],
  ] as const)('%s', async (code, identity) => {
    for (const rejectUnauthorized of [true, false]) {
      const server = (): ServerOptions => ({ cert: identity().cert, key: identity().key });
      const { error, authorized } = await same(server, () => ({ ...trusting(), rejectUnauthorized }));
      expect(authorized).toBe(false);
      if (rejectUnauthorized) expect(error).toMatchObject({ code });
      else expect(error).toBeUndefined();
    }
  });

  it('SELF_SIGNED_CERT_IN_CHAIN', async () => {
    const { cert, key, authority } = identities.stranger;
    const { error } = await same(() => ({ cert: cert + authority.cert, key }), trusting);
    expect(error).toMatchObject({ code: 'SELF_SIGNED_CERT_IN_CHAIN' });
  });

  it('no error: authorized', async () => {
    const { events, authorized } = await same(() => identities.server, trusting);
    expect(authorized).toBe(true);
    expect(events.slice(0, 3)).toEqual(['connect', 'ready', 'secureConnect']);
  });

  it('what checkServerIdentity answers', async () => {
    const refusing = (): ClientOptions => ({
      ...trusting(),
      checkServerIdentity: (host, certificate) =>
        Object.assign(new Error('no'), { code: 'NO', host: `${host} ${certificate.subject.CN}` }),
    });
    const { error } = await same(() => identities.server, refusing);
    expect(error).toMatchObject({ code: 'NO', host: 'localhost localhost' });
  });

  it.each<[string, ServerOptions, ClientOptions]>([
    ['no version in common', { maxVersion: 'TLSv1.2' }, { minVersion: 'TLSv1.3' }],
    [
      'no cipher in common',
      { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' },
      { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
    ],
    ['no protocol in common', { ALPNProtocols: ['a'] }, { ALPNProtocols: ['b'] }],
  ])('%s', async (_, server, options) => {
    const { error } = await same(
      () => ({ ...identities.server, ...server }),
      () => ({ ...trusting(), ...options }),
    );
    expect(error).toBeDefined();
  });

  it('a server that requires a certificate: TLS 1.2', async () => {
    const server = (): ServerOptions => ({ ...identities.server, requestCert: true, maxVersion: 'TLSv1.2' });
    const { error } = await same(server, trusting);
    expect(error).toBeDefined();
  });

  describe('a server that', () => {
    async function samePlain(port: () => Promise<number>): Promise<Outcome> {
      const options = async (): Promise<ClientOptions> => ({ host: '127.0.0.1', port: await port(), ...trusting() });
      const expected = await outcome(nodeTls, await options());
      const actual = await outcome(implementation, await options());
      expect(actual).toEqual(expected);
      return actual;
    }

    it('speaks HTTP', async () => {
      const { error } = await samePlain(() => servePlain((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
      expect(error).toMatchObject({ library: 'SSL routines' });
    });

    it('ends the connection before it is secure', async () => {
      const { error } = await samePlain(() => servePlain((socket) => socket.resume().end()));
      expect(error).toMatchObject({ code: 'ECONNRESET', host: '127.0.0.1' });
    });

    it('ends the connection in the middle of the handshake', async () => {
      const { error } = await samePlain(() => servePlain((socket) => socket.once('data', () => socket.end())));
      expect(error).toMatchObject({ code: 'ECONNRESET' });
    });

    it('resets the connection in the middle of the handshake', async () => {
      const { error } = await samePlain(() =>
        servePlain((socket) => socket.once('data', () => socket.resetAndDestroy())),
      );
      expect(error).toMatchObject({ code: 'ECONNRESET' });
    });

    it('is not there', async () => {
      const port = async (): Promise<number> => {
        const { server, port } = await serve(nodeTls, identities.server);
        server.close();
        await once(server, 'close');
        return port;
      };
      const { error } = await samePlain(port);
      expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    });
  });
});
