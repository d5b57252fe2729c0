import { execFileSync, spawn } from 'node:child_process';
import { constants } from 'node:crypto';
import { once } from 'node:events';
import type tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { isOpenSSL4 } from '../helpers/openssl-series.ts';
import { splitRecords } from '../helpers/reference-protection.ts';
import { unless } from '../helpers/unless.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { hasOpenSSLProgram, readLength } from './scenario.ts';
import {
  bothSecure,
  dial,
  exchangeOf,
  listening,
  node,
  open,
  outcome,
  pairs,
  same,
  tap,
  thrownBy,
  versions,
} from './surface.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

type Options = { readonly server?: tls.TlsOptions; readonly client?: tls.ConnectionOptions };

describe.each(pairs)('$name', (pair) => {
  it.each<Options>([
    { client: { ecdhCurve: 'X448' } },
    { client: { ecdhCurve: 'P-521:P-384' }, server: { ecdhCurve: 'P-384' } },
    { client: { ecdhCurve: 'X448' }, server: { ecdhCurve: 'X25519' } },
    { server: { ecdhCurve: 'auto' } },
    { client: { sigalgs: 'ecdsa_secp256r1_sha256' } },
    { client: { sigalgs: 'rsa_pss_rsae_sha512' } },
    { client: { sigalgs: 'rsa_pss_rsae_sha512' }, server: { sigalgs: 'ecdsa_secp256r1_sha256' } },
    { client: { ciphers: 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256' }, server: { honorCipherOrder: false } },
    { client: { ciphers: 'TLS_AES_128_GCM_SHA256' }, server: { ciphers: 'TLS_AES_256_GCM_SHA384' } },
    { client: { minVersion: 'TLSv1.3' }, server: { maxVersion: 'TLSv1.2' } },
    { client: { maxVersion: 'TLSv1.2' }, server: { minVersion: 'TLSv1.3' } },
    { client: { secureProtocol: 'TLSv1_2_method' } },
    { server: { secureProtocol: 'TLSv1_2_server_method' } },
    { client: { secureOptions: constants.SSL_OP_NO_TLSv1_3 } },
  ])('%j', async (options) => {
    await same(pair, async (by) => {
      const seen = await outcome(by, identities, options);
      if (seen.client !== 'secure') return seen;
      const { client, accepted } = await open(by, identities, options);
      return [client, accepted].map((socket) => [socket.getProtocol(), socket.getCipher(), exchangeOf(client)]);
    });
  });

  it.each<[boolean | undefined, string]>([
    [true, 'ECDHE-ECDSA-AES256-GCM-SHA384'],
    [undefined, 'ECDHE-ECDSA-AES256-GCM-SHA384'],
    [false, 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  ])('honorCipherOrder: %s', async (honorCipherOrder, expected) => {
    const [small, large] = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'];
    const seen = await same(pair, async (by) => {
      const { client } = await open(by, identities, {
        server: { ciphers: `${large}:${small}`, ...(honorCipherOrder !== undefined && { honorCipherOrder }) },
        client: { ciphers: `${small}:${large}`, maxVersion: 'TLSv1.2' },
      });
      return client.getCipher().name;
    });
    expect(seen).toBe(expected);
  });

  describe('Diffie-Hellman', () => {
    const client = { ciphers: 'DHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } as const;
    const server = (dhparam: string): tls.TlsOptions => ({ ...identities.rsa, ciphers: client.ciphers, dhparam });

    unless(isOpenSSL4 && 'OpenSSL 4 has groups of its own in TLS 1.2, too (RFC 7919)', it)(
      'with groups of OpenSSL’s, with given ones, and without any',
      async () => {
        const seen = [];
        for (const options of [server('auto'), server(dh2048), { ...server(''), dhparam: undefined }]) {
          seen.push(
            await same(pair, async (by) => {
              const { client: told } = await outcome(by, identities, { client, server: options });
              if (told !== 'secure') return told;
              return exchangeOf((await open(by, identities, { client, server: options })).client);
            }),
          );
        }
        expect(seen[1]).toEqual({ type: 'DH', size: 2048 });
      },
    );

    it('minDHSize', async () => {
      const seen = [];
      for (const minDHSize of [2048, 2049]) {
        const options = { client: { ...client, minDHSize }, server: server(dh2048) };
        seen.push(await same(pair, async (by) => (await outcome(by, identities, options)).client));
      }
      expect(seen).toEqual(['secure', 'ERR_TLS_DH_PARAM_SIZE']);
    });
  });

  describe.each(versions)('%s', (maxVersion) => {
    it.each([512, 1000, 16384])('setMaxSendFragment(%i): no record is larger', async (limit) => {
      const at = await listening(pair.server, identities.server);
      const wire = await tap(at.port);
      const { client, accepted } = await bothSecure(
        at.server,
        dial(pair.client, wire.port, identities, { maxVersion }),
      );
      const [before, beforeBack] = [wire.toClient().length, wire.toServer().length];
      expect([accepted.setMaxSendFragment(limit), client.setMaxSendFragment(limit)]).toEqual([true, true]);
      const data = Buffer.alloc(40_000, 'data');
      accepted.write(data);
      client.write(data);
      const received = await Promise.all([readLength(client, data.length), readLength(accepted, data.length)]);
      expect(received.map((bytes) => bytes.equals(data))).toEqual([true, true]);
      for (const bytes of [wire.toClient().subarray(before), wire.toServer().subarray(beforeBack)]) {
        const sizes = splitRecords(bytes).map((record) => record.length);
        // Header, explicit nonce, tag, inner type.
        expect(Math.max(...sizes)).toBeLessThanOrEqual(limit + 5 + 8 + 16 + 1);
        expect(Math.max(...sizes)).toBeGreaterThanOrEqual(limit);
      }
    });

    unless(!hasOpenSSLProgram && 'no openssl program', it)(
      'a client that negotiates a maximum fragment length gets no larger record',
      async () => {
        const told: unknown[] = [];
        const server = await listening(pair.server, { ...identities.server, maxVersion });
        server.server.on('secureConnection', (socket) => {
          told.push(Reflect.get(socket, 'recordLayer')?.write);
          // Larger than was negotiated: it counts less.
          socket.setMaxSendFragment(4096);
          socket.end(Buffer.alloc(40_000, 'data'));
        });
        const wire = await tap(server.port);
        const words = ['s_client', '-quiet', '-no_ign_eof', '-maxfraglen', '512', '-connect', `127.0.0.1:${wire.port}`];
        const program = spawn('openssl', words, { stdio: ['pipe', 'pipe', 'ignore'] });
        let received = 0;
        program.stdout.on('data', (chunk: Buffer) => {
          received += chunk.length;
        });
        await once(program.stdout, 'end');
        program.stdin.end();
        expect(received).toBe(40_000);
        const sizes = splitRecords(wire.toClient()).map((record) => record.length);
        // Header, explicit nonce, tag, inner type.
        expect(Math.max(...sizes)).toBeLessThanOrEqual(512 + 5 + 8 + 16 + 1);
        if (pair.server.name !== 'node:tls') expect(told).toEqual([pair.server.name]);
      },
    );

    it('setMaxSendFragment: what is refused', async () => {
      await same(pair, async (by) => {
        const { client, accepted } = await open(by, identities, { client: { maxVersion } });
        return [client, accepted].map((socket) => [
          [511, 512, 16384, 16385, 0].map((size) => socket.setMaxSendFragment(size)),
          ['512', undefined, 1000.5].map((size) =>
            thrownBy(() => Reflect.apply(socket.setMaxSendFragment, socket, [size])),
          ),
        ]);
      });
    });
  });
});

unless(!hasOpenSSLProgram && 'no openssl program', it).each(pairs.filter(({ server, client }) => server === client))(
  '$name: what contexts refuse, as node:tls',
  (pair) => {
    const dh512 = execFileSync('openssl', ['dhparam', '-outform', 'PEM', '512'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const options: readonly object[] = [
      { dhparam: dh512 },
      { dhparam: 'nothing' },
      { dhparam: 7 },
      { ecdhCurve: 'no-curve' },
      { ecdhCurve: 7 },
      { sigalgs: 'no-algorithm' },
      { sigalgs: '' },
      { sigalgs: 7 },
      { ciphers: 'no-cipher' },
      { ciphers: '' },
      { sessionTimeout: -1 },
      { sessionTimeout: 'long' },
      { sessionIdContext: 7 },
      { ticketKeys: Buffer.alloc(47) },
      { ticketKeys: 'x'.repeat(48) },
      { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' },
      { secureProtocol: 'no_method' },
      { secureProtocol: 'SSLv3_method' },
      { secureProtocol: 'TLSv1_2_method', minVersion: 'TLSv1.2' },
      { secureOptions: 'no bits' },
      { allowPartialTrustChain: 'yes' },
      { clientCertEngine: 'engine' },
      { privateKeyEngine: 'engine', privateKeyIdentifier: 'key' },
    ];
    for (const option of options) {
      const refused = (by: typeof node): unknown => thrownBy(() => by.createSecureContext(option));
      expect([option, refused(pair.server)]).toEqual([option, refused(node)]);
    }
    const connecting: readonly object[] = [
      { minDHSize: 0 },
      { minDHSize: -1 },
      { minDHSize: '1024' },
      ...[undefined, null, false, true, 0, '', Number.NaN, 'x', {}].flatMap((value) => [
        { checkServerIdentity: value },
        { minDHSize: value },
      ]),
    ];
    for (const option of connecting) {
      const refused = (by: typeof node): unknown =>
        thrownBy(() =>
          by
            .connect({ port: 1, ...option })
            .on('error', () => {})
            .destroy(),
        );
      expect([option, refused(pair.client)]).toEqual([option, refused(node)]);
    }
  },
);

/** Group 14 of RFC 3526, PKCS #3. */
const dh2048 = `-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA///////////JD9qiIWjCNMTGYouA3BzRKQJOCIpnzHQCC76mOxOb
IlFKCHmONATd75UZs806QxswKwpt8l8UN0/hNW1tUcJF5IW1dmJefsb0TELppjft
awv/XLb0Brft7jhr+1qJn6WunyQRfEsf5kkoZlHs5Fs9wgB8uKFjvwWY2kg2HFXT
mmkWP6j9JM9fg2VdI9yjrZYcYvNWIIVSu57VKQdwlpZtZww1Tkq8mATxdGwIyhgh
fDKQXkYuNs474553LBgOhgObJ4Oi7Aeij7XFXfBvTFLJ3ivL9pVYFxg5lUl86pVq
5RXSJhiY+gUQFXKOWoqsqmj//////////wIBAg==
-----END DH PARAMETERS-----
`;
