import { once } from 'node:events';
import type tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { issue } from '../helpers/certificates.ts';
import { unless } from '../helpers/unless.ts';
import { type Identities, makeIdentities } from './identities.ts';
import {
  bothSecure,
  codeOf,
  dial,
  isNode22,
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

/** Which of the identities a client was shown. */
function shown(client: tls.TLSSocket): string | undefined {
  const { raw } = client.getPeerCertificate();
  const names = ['server', 'rsa', 'wrongName', 'expired'] as const;
  return names.find((name) => derOf(identities[name].cert).equals(raw));
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ''), 'base64');
}

const untrusting = { rejectUnauthorized: false };

/** What the clients of `names` are shown by a server. */
async function shownTo(
  { client }: Pair,
  at: { server: tls.Server; port: number },
  names: readonly string[],
  options: tls.ConnectionOptions = {},
): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (const servername of names) {
    const socket = dial(client, at.port, identities, { servername, ...untrusting, ...options });
    const ends = await bothSecure(at.server, socket);
    seen.push([servername, shown(ends.client), ends.accepted.servername]);
    ends.client.destroy();
  }
  return seen;
}

describe.each(pairs)('$name', (pair) => {
  describe.each(versions)('%s', (maxVersion) => {
    // In Node.js 22, node:tls then keeps to the first context's kind of key.
    const itComparesContexts = unless(isNode22 && maxVersion === 'TLSv1.3' && 'Node.js 22 does otherwise', it);

    itComparesContexts('addContext: names, wildcards, one label, the last wins, contexts and options', async () => {
      const seen = await same(pair, async (by) => {
        const at = await listening(by.server, identities.server);
        at.server.addContext('*.example', identities.rsa);
        at.server.addContext('a.example', by.server.createSecureContext(identities.wrongName));
        at.server.addContext('b.example', identities.wrongName);
        at.server.addContext('b.example', identities.rsa);
        at.server.addContext('c.*.org', identities.expired);
        const names = [
          'a.example',
          'b.example',
          'c.example',
          'x.c.example',
          'c.d.org',
          'C.D.ORG',
          'cxd.org',
          'localhost',
        ];
        return await shownTo(by, at, names, { maxVersion });
      });
      expect(seen[0]).toEqual(['a.example', 'wrongName', 'a.example']);
    });

    itComparesContexts('SNICallback: at once, later, none, a bare context, and preferred to addContext', async () => {
      await same(pair, async (by) => {
        const calls: string[] = [];
        const at = await listening(by.server, {
          ...identities.server,
          SNICallback(servername, done) {
            calls.push(servername);
            const context = by.server.createSecureContext(identities.rsa);
            if (servername === 'later.example') setImmediate(done, null, context);
            else if (servername === 'now.example') done(null, context);
            else if (servername === 'inner.example') Reflect.apply(done, undefined, [null, context.context]);
            else done(null);
          },
        });
        at.server.addContext('*.example', identities.wrongName);
        const names = ['later.example', 'now.example', 'inner.example', 'none.example'];
        return [await shownTo(by, at, names, { maxVersion }), calls];
      });
    });

    it.each<[string, tls.TlsOptions['SNICallback']]>([
      ['an error', (_, done) => done(new Error('not here'))],
      ['an error later', (_, done) => setImmediate(done, new Error('not here'))],
      ['what is no context', (_, done) => Reflect.apply(done, undefined, [null, { nothing: true }])],
    ])('SNICallback answers with %s: both ends learn of it', async (_, SNICallback) => {
      const seen = await same(pair, (by) =>
        outcome(by, identities, { server: { SNICallback }, client: { maxVersion } }),
      );
      expect(seen.server).toMatch(/not here|Invalid SNI context/);
    });

    it('ALPNCallback: what it is asked, and its answer at both ends', async () => {
      await same(pair, async (by) => {
        const asked: unknown[] = [];
        const seen: unknown[] = [];
        const { client, accepted } = await open(by, identities, {
          client: { maxVersion, ALPNProtocols: ['first', 'second', 'third'] },
          server: {
            ALPNCallback(this: unknown, { servername, protocols }) {
              asked.push([servername, protocols]);
              seen.push(this);
              return protocols[1];
            },
          },
        });
        return { asked, own: seen[0] === accepted, protocols: [client.alpnProtocol, accepted.alpnProtocol] };
      });
    });

    it('ALPNCallback is not asked by a client that offers nothing', async () => {
      await same(pair, async (by) => {
        const { client, accepted } = await open(by, identities, {
          client: { maxVersion },
          server: { ALPNCallback: () => 'never' },
        });
        return [client.alpnProtocol, accepted.alpnProtocol];
      });
    });

    it.each([
      ['nothing', undefined],
      ['what was not offered', 'unknown'],
    ])('ALPNCallback answers %s: refused', async (_, answer) => {
      await same(pair, (by) =>
        outcome(by, identities, {
          client: { maxVersion, ALPNProtocols: ['a', 'b'] },
          server: { ALPNCallback: () => answer },
        }),
      );
    });

    it('setKeyCert in ALPNCallback', async () => {
      const seen = await same(pair, async (by) => {
        const at = await listening(by.server, {
          ...identities.server,
          ALPNCallback(this: unknown, { protocols: [protocol] }) {
            setKeyCert(
              this,
              protocol === 'context' ? by.server.createSecureContext(identities.wrongName) : identities.expired,
            );
            return protocol;
          },
        });
        const all: unknown[] = [];
        for (const protocol of ['context', 'options']) {
          all.push(await shownTo(by, at, ['localhost'], { maxVersion, ALPNProtocols: [protocol] }));
        }
        return all;
      });
      expect(seen).toEqual([[['localhost', 'wrongName', 'localhost']], [['localhost', 'expired', 'localhost']]]);
    });

    it('OCSP: what the server is asked, and the client is told', async () => {
      await same(pair, async (by) => {
        const intermediate = identities.authority;
        const identity = await issue(intermediate);
        const at = await listening(by.server, { ...identity, cert: `${identity.cert}${intermediate.cert}` });
        const answers: (Buffer | null)[] = [ocspResponse(1), null, ocspResponse(3000)];
        const asked: unknown[] = [];
        at.server.on('OCSPRequest', (certificate, issuer, done) => {
          const given: readonly unknown[] = [certificate, issuer];
          asked.push([derOf(identity.cert), derOf(intermediate.cert)].map((der, i) => der.equals(bytesOf(given[i]))));
          setImmediate(() => Reflect.apply(done, undefined, [null, answers.shift()]));
        });
        const told: unknown[] = [];
        for (const requestOCSP of [true, true, true, false]) {
          const socket = dial(by.client, at.port, identities, { maxVersion, requestOCSP });
          socket.on('OCSPResponse', (response) => told.push(response?.toString('latin1') ?? null));
          (await bothSecure(at.server, socket)).client.destroy();
        }
        return { asked, told };
      });
    });

    it('OCSP: the issuer is null where it is not known, and an error ends the handshake', async () => {
      await same(pair, async (by) => {
        const at = await listening(by.server, identities.server);
        const asked: unknown[] = [];
        at.server.on('OCSPRequest', (_certificate, issuer, done) => {
          asked.push(issuer);
          done(new Error('no response'), Buffer.alloc(0));
        });
        const failed = once(at.server, 'tlsClientError');
        const socket = dial(by.client, at.port, identities, { maxVersion, requestOCSP: true });
        const [[error], [atClient]] = await Promise.all([failed, once(socket, 'error')]);
        return { asked, error: codeOf(error), atClient: codeOf(atClient) };
      });
    });

    it('OCSP with SNICallback: about the certificate that was chosen', async () => {
      await same(pair, async (by) => {
        const at = await listening(by.server, {
          ...identities.server,
          SNICallback: (_, done) => setImmediate(done, null, by.server.createSecureContext(identities.rsa)),
        });
        let chosen = false;
        at.server.on('OCSPRequest', (certificate, _issuer, done) => {
          chosen = derOf(identities.rsa.cert).equals(certificate);
          done(null, ocspResponse(1));
        });
        const socket = dial(by.client, at.port, identities, { maxVersion, requestOCSP: true });
        const told = once(socket, 'OCSPResponse');
        await bothSecure(at.server, socket);
        return { chosen, told: String((await told)[0]) };
      });
    });
  });

  it('a SNICallback that answers twice, and one that throws, end the handshake', async () => {
    if (pair.server.name === 'node:tls') return;
    for (const [SNICallback, code] of [
      [
        (_: string, done: (error: Error | null) => void) => {
          setImmediate(() => {
            done(null);
            done(null);
          });
        },
        'ERR_MULTIPLE_CALLBACK',
      ],
      [
        () => {
          throw new Error('thrown');
        },
        'thrown',
      ],
    ] as const) {
      const { server } = await outcome(pair, identities, { server: { SNICallback } });
      expect(server).toBe(code);
    }
  });
});

it.each(pairs.filter(({ server }) => server !== node))(
  '$name: what options are refused as by node:tls',
  ({ server }) => {
    for (const options of [
      { SNICallback: 'no function' },
      { ALPNCallback: () => undefined, ALPNProtocols: ['a'] },
      { ALPNProtocols: ['x'.repeat(256)] },
    ]) {
      const refused = (by: typeof server): unknown => thrownBy(() => Reflect.apply(by.createServer, by, [options]));
      expect(refused(node)).toBeDefined();
      expect(refused(server)).toEqual(refused(node));
    }
    const contexts = (by: typeof server): unknown => thrownBy(() => by.createServer({}).addContext('', {}));
    expect(contexts(server)).toEqual(contexts(node));
  },
);

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function setKeyCert(socket: unknown, context: tls.SecureContext | tls.SecureContextOptions): void {
  const method: unknown = typeof socket === 'object' && socket !== null && Reflect.get(socket, 'setKeyCert');
  if (typeof method === 'function') Reflect.apply(method, socket, [context]);
}

/** With `length` bytes of what a responder would have signed (RFC 6960 §4.2.1): OpenSSL 4 takes nothing else for one. */
function ocspResponse(length: number): Buffer {
  const der = (tag: number, ...contents: Uint8Array[]): Buffer => {
    const body = Buffer.concat(contents);
    const size = body.length < 0x80 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
    return Buffer.concat([Uint8Array.of(tag, ...size), body]);
  };
  const basic = der(0x06, Buffer.from('2b0601050507300101', 'hex'));
  return der(0x30, der(0x0a, Uint8Array.of(0)), der(0xa0, der(0x30, basic, der(0x04, Buffer.alloc(length, 1)))));
}
