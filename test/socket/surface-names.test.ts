import { once } from 'node:events';
import net from 'node:net';
import type tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { owned } from './scenario.ts';
import { codeOf, dial, listening, node, pairs, same, thrownBy } from './surface.ts';

/** What a server knows of its client while they shake hands. */

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

const nameOf = (socket: unknown): unknown =>
  typeof socket === 'object' && socket !== null ? Reflect.get(socket, 'servername') : undefined;

describe.each(pairs.filter(({ server }) => server !== node))('$name', (pair) => {
  it('servername is there for the callbacks, whose `this` is the socket', async () => {
    const seen = await same(pair, async (by) => {
      const told: Record<string, unknown> = {};
      const { server, port } = await listening(by.server, {
        ...identities.server,
        SNICallback(this: unknown, _name, done) {
          told.SNICallback = nameOf(this);
          done(null);
        },
        ALPNCallback(this: unknown) {
          told.ALPNCallback = nameOf(this);
          return 'a';
        },
      });
      server.on('keylog', (_line, socket: tls.TLSSocket) => {
        told.keylog ??= socket.servername;
      });
      server.on('OCSPRequest', (_own, _issuer, done) => done(null, null));
      const client = dial(by.client, port, identities, { ALPNProtocols: ['a'], requestOCSP: true });
      const before = client.servername;
      const [[accepted]] = await Promise.all([once(server, 'secureConnection'), once(client, 'secureConnect')]);
      return { ...told, before, client: client.servername, server: nameOf(accepted) };
    });
    const name = 'localhost';
    const known = { SNICallback: name, ALPNCallback: name, keylog: name, client: name, server: name };
    expect(seen).toEqual({ ...known, before: null });
  });

  it('a name that is not ASCII is a character for each byte, to all who look at it', async () => {
    const seen = await same(pair, async (by) => {
      const told: unknown[] = [];
      const { server, port } = await listening(by.server, {
        ...identities.server,
        SNICallback(name, done) {
          told.push(name);
          done(null);
        },
      });
      const client = dial(by.client, port, identities, {
        servername: '日本.example',
        checkServerIdentity: () => undefined,
      });
      const [[accepted]] = await Promise.all([once(server, 'secureConnection'), once(client, 'secureConnect')]);
      return [...told, nameOf(accepted), client.servername];
    });
    expect(new Set(seen)).toEqual(new Set([Buffer.from('日本.example').toString('latin1')]));
  });

  it.each(['127.0.0.1', '::1'])(
    'servername %s, which is no name: as this release of Node.js has it',
    async (servername) => {
      await same(pair, async (by) => {
        const { server, port } = await listening(by.server, identities.server);
        const told = once(server, 'secureConnection').then(([socket]) => nameOf(socket));
        const options = { servername, checkServerIdentity: () => undefined };
        const thrown = thrownBy(() => dial(by.client, port, identities, options));
        return thrown ?? [await told];
      });
    },
  );

  // node:tls connects, with no name or with what is in front of the zero byte.
  it.each([
    ['a'.repeat(256), 'ERR_SSL_SSL3_EXT_INVALID_SERVERNAME'],
    ['localhost\0.example', 'ERR_INVALID_ARG_VALUE'],
  ])('a server name that cannot be sent is refused: %s', async (servername, code) => {
    if (pair.client === node) return;
    const { port } = await listening(pair.server, identities.server);
    const client = dial(pair.client, port, identities, { servername });
    const [error] = await once(client, 'error');
    expect(codeOf(error)).toBe(code);
  });

  it('a protocol that is not ASCII is a character for each byte as well', async () => {
    for (const protocol of [Buffer.from('日本'), Buffer.from([0xef, 0xbb, 0xbf, 0x61]), Buffer.from([0xff, 0, 0xfe])]) {
      const ALPNProtocols = Buffer.concat([Buffer.from([protocol.length]), protocol]);
      const seen = await same(pair, async (by) => {
        const { server, port } = await listening(by.server, { ...identities.server, ALPNProtocols });
        const client = dial(by.client, port, identities, { ALPNProtocols });
        const [[accepted]] = await Promise.all([once(server, 'secureConnection'), once(client, 'secureConnect')]);
        return [Reflect.get(accepted, 'alpnProtocol'), client.alpnProtocol];
      });
      expect(new Set(seen)).toEqual(new Set([protocol.toString('latin1')]));
    }
  });

  it('pskIdentityHint: what is no text, and what is too long', async () => {
    const wrong: readonly unknown[] = [1, {}, true];
    await same(pair, async ({ server }) =>
      wrong.map((pskIdentityHint) => {
        const options: object = { pskIdentityHint, pskCallback: () => null, isServer: true };
        return thrownBy(() => owned(server.secure(new net.Socket(), options)));
      }),
    );
    const seen = await same(pair, async (by) => {
      const told: unknown[] = [];
      for (const pskIdentityHint of ['a'.repeat(256), 'a\0b', 'a'.repeat(257)]) {
        const psk = Buffer.alloc(32, 1);
        const common = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const;
        const { server, port } = await listening(by.server, { ...common, pskIdentityHint, pskCallback: () => psk });
        // Node.js 22 has a letter less.
        server.once('tlsClientError', (error) => told.push(String(codeOf(error)).replace('IDENTIY', 'IDENTITY')));
        const client = dial(by.client, port, identities, {
          ...common,
          checkServerIdentity: () => undefined,
          pskCallback: (hint) => {
            told.push(hint?.length);
            return { psk, identity: 'me' };
          },
        });
        client.on('error', () => {});
        await Promise.race([once(client, 'secureConnect'), once(server, 'tlsClientError')]);
      }
      return told;
    });
    expect(seen).toEqual([256, 1, 'ERR_TLS_PSK_SET_IDENTITY_HINT_FAILED']);
  });
});
