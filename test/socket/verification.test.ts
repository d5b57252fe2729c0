import net from 'node:net';
import type tls from 'node:tls';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { listenUntilEnd, owned } from './scenario.ts';
import { codeOf, dial, listening, outcome, type Pair, pairs, same } from './surface.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});
afterEach(() => vi.unstubAllEnvs());

/** What programs write where true or false is meant: read from files, from the environment, or left out by a mistake. */
const values: readonly unknown[] = [undefined, null, false, true, 0, 1, '', Number.NaN, 'x', {}];

/** An option of a value that its type does not have. */
function option(name: string, value: unknown): object {
  return { [name]: value };
}

/** What became of each value, by its name. */
async function sweep(observe: (value: unknown) => Promise<unknown>): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {};
  for (const value of values)
    seen[typeof value === 'object' ? JSON.stringify(value) : String(value)] = await observe(value);
  return seen;
}

const refused = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';

describe.each(pairs)('$name', (pair) => {
  describe('connect, to a server that nobody knows', () => {
    const connecting = (by: Pair, options: object): Promise<unknown> =>
      outcome(by, identities, { server: identities.stranger, client: options }).then(({ client }) => client);

    it('rejectUnauthorized: only false turns the verification off', async () => {
      const seen = await same(pair, (by) => sweep((value) => connecting(by, option('rejectUnauthorized', value))));
      expect(Object.entries(seen).filter(([, came]) => came !== refused)).toEqual([['false', 'secure']]);
    });

    it('NODE_TLS_REJECT_UNAUTHORIZED=0 counts where the option is not there, and nowhere else', async () => {
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
      const seen = await same(pair, (by) => sweep((value) => connecting(by, option('rejectUnauthorized', value))));
      expect(Object.entries(seen).filter(([, came]) => came !== refused)).toEqual([['false', 'secure']]);
      expect(await same(pair, (by) => connecting(by, {}))).toBe('secure');
    });
  });

  describe('a server', () => {
    const asking = (by: Pair, options: object): Promise<unknown> =>
      outcome(by, identities, { server: { ca: identities.authority.cert, ...options }, client: {} });

    it('rejectUnauthorized: only false lets in who has no certificate', async () => {
      const seen = await same(pair, (by) =>
        sweep((value) => asking(by, { requestCert: true, ...option('rejectUnauthorized', value) })),
      );
      expect(seen).toMatchObject({
        false: { server: 'secure' },
        undefined: { server: expect.stringMatching(/^ERR_/) },
      });
    });

    it('requestCert: only true asks', async () => {
      await same(pair, (by) => sweep((value) => asking(by, option('requestCert', value))));
    });
  });

  describe('a TLSSocket made by hand', () => {
    /** What a client without a certificate comes to. */
    async function accepting(by: Pair, options: tls.TLSSocketOptions): Promise<unknown> {
      const secureContext = by.server.createSecureContext({ ...identities.server, ca: identities.authority.cert });
      const seen = new Promise<unknown>((resolve) => {
        const server = net.createServer((raw) => {
          const socket = owned(by.server.secure(raw, { secureContext, isServer: true, ...options }));
          const asked = ['_requestCert', '_rejectUnauthorized'].map((name) => Reflect.get(socket, name));
          socket.once('secure', () => resolve([...asked, 'secure', socket.authorized]));
          for (const event of ['_tlsError', 'error']) socket.on(event, (error) => resolve([...asked, codeOf(error)]));
        });
        void listenUntilEnd(server).then((port) =>
          dial(by.client, port, identities)
            .on('error', () => {})
            .resume(),
        );
      });
      return await seen;
    }

    it('rejectUnauthorized counts by its truth', async () => {
      const seen = await same(pair, (by) =>
        sweep((value) => accepting(by, { requestCert: true, ...option('rejectUnauthorized', value) })),
      );
      expect(seen).toMatchObject({
        1: [true, true, expect.stringMatching(/^ERR_/)],
        0: [true, false, 'secure', false],
      });
    });

    it('requestCert counts by its truth', async () => {
      await same(pair, (by) =>
        sweep((value) => accepting(by, { rejectUnauthorized: true, ...option('requestCert', value) })),
      );
    });

    it('isServer counts by its truth', async () => {
      const seen = await same(pair, (by) =>
        sweep(async (value) => {
          const socket = owned(by.server.secure(new net.Socket(), option('isServer', value)));
          return ['_requestCert', '_rejectUnauthorized'].map((name) => Reflect.get(socket, name));
        }),
      );
      expect(seen).toMatchObject({ 1: [false, false], 0: [true, false] });
    });
  });

  it('without a certificate nobody is trusted, whatever the application says to the name', async () => {
    const anonymous = { ciphers: 'AECDH-AES128-SHA:@SECLEVEL=0', maxVersion: 'TLSv1.2' as const };
    const client = { ...anonymous, checkServerIdentity: () => undefined };
    const seen = await same(pair, async (by) => {
      const came = await outcome(by, identities, { server: anonymous, client });
      return came.client;
    });
    expect(seen).toBe('UNABLE_TO_GET_ISSUER_CERT');
  });
});

describe.each(pairs)('$name', (pair) => {
  it('what a server asks counts from its making on, for each connection from its beginning on', async () => {
    const seen = await same(pair, async (by) => {
      const options = { ...identities.server, ca: identities.authority.cert, requestCert: true };
      const { server, port } = await listening(by.server, options);
      server.on('connection', () => {
        Reflect.set(server, 'rejectUnauthorized', false);
        Reflect.set(server, 'requestCert', false);
      });
      const told = new Promise((resolve) => {
        server.once('tlsClientError', (error) => resolve(codeOf(error)));
        server.once('secureConnection', () => resolve('secure'));
      });
      dial(by.client, port, identities, identities.stranger)
        .on('error', () => {})
        .resume();
      return await told;
    });
    expect(seen).toBe('ECONNRESET');
  });
});
