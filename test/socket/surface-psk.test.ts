import tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { isOpenSSL4 } from '../helpers/openssl-series.ts';
import { unless } from '../helpers/unless.ts';
import { type Identities, makeIdentities } from './identities.ts';
import {
  codeOf,
  dial,
  exchangeOf,
  listening,
  node,
  open,
  outcome,
  type Pair,
  pairs,
  same,
  thrownBy,
  versions,
} from './surface.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

const key = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');
const ciphers = 'PSK+HIGH:TLS_AES_128_GCM_SHA256';
/** The server has no certificate to be judged by. */
const checkServerIdentity = (): undefined => undefined;
const without = { cert: undefined, key: undefined };

const clientPsk = (): tls.PSKCallbackNegotation => ({ psk: key, identity: 'someone' });

describe.each(pairs)('$name', (pair) => {
  describe.each(versions)('%s', (maxVersion) => {
    const client = { maxVersion, ciphers, checkServerIdentity, pskCallback: clientPsk };

    const differs =
      isOpenSSL4 && maxVersion === 'TLSv1.2' && 'OpenSSL 4 has groups of its own in TLS 1.2, too (RFC 7919)';
    unless(differs, it)('both callbacks: what they are asked, and what is agreed on', async () => {
      const seen = await same(pair, async (by) => {
        const asked: unknown[] = [];
        const sockets: unknown[] = [];
        const ends = await open(by, identities, {
          client: {
            ...client,
            pskCallback(this: unknown, hint) {
              asked.push(['client', hint]);
              return clientPsk();
            },
          },
          server: {
            ...without,
            ciphers,
            pskIdentityHint: 'a hint',
            pskCallback(this: unknown, socket, identity) {
              asked.push(['server', identity]);
              sockets.push(socket, this);
              return key;
            },
          },
        });
        return {
          asked,
          own: sockets.map((socket) => socket === ends.accepted),
          authorized: [ends.client.authorized, ends.client.authorizationError, ends.accepted.authorized],
          cipher: ends.client.getCipher(),
          peer: ends.client.getPeerCertificate(),
          reused: [ends.client.isSessionReused(), ends.accepted.isSessionReused()],
          key: exchangeOf(ends.client),
        };
      });
      expect(seen.asked).toContainEqual(['server', 'someone']);
    });

    it('data passes under the key', async () => {
      const { client: socket, accepted } = await open(pair, identities, {
        client,
        server: { ...without, ciphers, pskCallback: () => key },
      });
      accepted.end('from the server');
      const received: Buffer[] = [];
      for await (const chunk of socket) received.push(chunk);
      expect(Buffer.concat(received).toString()).toBe('from the server');
    });

    it.each<[string, Pick<tls.ConnectionOptions, 'pskCallback'>, tls.TlsOptions['pskCallback']]>([
      ['a server that does not know the identity', {}, () => null],
      ['a client that has no key', { pskCallback: () => null }, () => key],
      ['a key that is none', {}, () => JSON.parse('"text"')],
      ['a client’s key that is none', { pskCallback: () => JSON.parse('{"identity":"x","psk":7}') }, () => key],
      ['an identity that is none', { pskCallback: () => ({ ...clientPsk(), identity: JSON.parse('7') }) }, () => key],
      ['an identity that is too long', { pskCallback: () => ({ psk: key, identity: 'x'.repeat(300) }) }, () => key],
    ])('%s: refused', async (_, more, pskCallback) => {
      await same(pair, (by) =>
        outcome(by, identities, {
          client: { ...client, ...more },
          server: { ...without, ciphers, pskCallback },
        }),
      );
    });

    unless(differs, it)('keys that differ: refused', async () => {
      await same(pair, (by) =>
        outcome(by, identities, {
          client,
          server: { ...without, ciphers, pskCallback: () => Buffer.alloc(16, 7) },
        }),
      );
    });

    it('a certificate serves clients without keys', async () => {
      await same(pair, async (by) => {
        const both = `${tls.DEFAULT_CIPHERS}:PSK`;
        const { client: socket } = await open(by, identities, {
          client: { maxVersion },
          server: { ciphers: both, pskCallback: () => key },
        });
        return [socket.authorized, socket.getPeerCertificate().subject.CN];
      });
    });

    it('without checkServerIdentity, a server without a certificate is refused', async () => {
      await same(pair, (by) =>
        outcome(by, identities, {
          client: { maxVersion, ciphers, pskCallback: clientPsk },
          server: { ...without, ciphers, pskCallback: () => key },
        }),
      );
    });
  });

  it('a hint that the server does not give is null', async () => {
    await same(pair, async (by) => {
      const hints: unknown[] = [];
      await open(by, identities, {
        client: {
          ...{ maxVersion: 'TLSv1.2', ciphers, checkServerIdentity },
          pskCallback: (hint) => {
            hints.push(hint);
            return clientPsk();
          },
        },
        server: { ...without, ciphers, pskCallback: () => key },
      });
      return hints;
    });
  });

  it('what a callback throws ends the handshake', async () => {
    await same(pair, (by) => thrownIn(by));
  });
});

async function thrownIn(by: Pair): Promise<unknown> {
  const { port } = await listening(by.server, { ciphers, pskCallback: () => key });
  const socket = dial(by.client, port, identities, {
    ...{ ciphers, checkServerIdentity, maxVersion: 'TLSv1.2' },
    pskCallback: () => JSON.parse('{"psk":"text","identity":"x"}'),
  });
  return await new Promise((resolve) => socket.on('error', (error) => resolve(codeOf(error))));
}

it.each(pairs.filter(({ server }) => server !== node))('$name: what options are refused as by node:tls', (pair) => {
  for (const options of [
    { pskCallback: 'text' },
    { pskIdentityHint: 7 },
    { pskCallback: () => null, pskIdentityHint: 'x'.repeat(300) },
  ]) {
    const refused = (by: typeof node): unknown => thrownBy(() => Reflect.apply(by.createServer, by, [options]));
    expect(refused(pair.server)).toEqual(refused(node));
  }
  const client = (by: typeof node): unknown =>
    thrownBy(() => by.connect({ port: 1, pskCallback: JSON.parse('"text"') }));
  expect(client(pair.server)).toEqual(client(node));
});
