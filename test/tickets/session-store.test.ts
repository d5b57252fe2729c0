import { constants, randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { beforeAll, describe, expect, test } from 'vitest';
import { memoryStore, type SessionStoreOptions, type SharedStore, storeSessions } from '../../src/tickets.ts';
import { issue, makeAuthority } from '../helpers/certificates.ts';
import { type Identities, makeIdentities } from '../socket/identities.ts';
import { bothSecure, dial, type Library, listening, node, pairs } from '../socket/surface.ts';

let identities: Identities;
const secret = randomBytes(32);

beforeAll(async () => {
  identities = await makeIdentities();
});

async function serving(by: Library, options: SessionStoreOptions, more: object = {}) {
  const at = await listening(by, { ...identities.server, sessionIdContext: 'same', ...more });
  return { ...at, storing: storeSessions(at.server, options) };
}

/** TLS 1.2 without tickets. */
const byId = { maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET } as const;

async function sessionFrom(
  { server, port }: Awaited<ReturnType<typeof serving>>,
  own: object = {},
): Promise<Buffer | undefined> {
  const { client } = await bothSecure(server, dial(node, port, identities, { ...byId, ...own }));
  const session = client.getSession();
  client.destroy();
  return session;
}

async function resumes(
  at: Awaited<ReturnType<typeof serving>>,
  session: Buffer | undefined,
  own: object = {},
): Promise<boolean> {
  const dialled = dial(node, at.port, identities, { ...byId, ...own, session });
  const { client, accepted } = await bothSecure(at.server, dialled);
  const resumed = accepted.isSessionReused();
  client.destroy();
  return resumed;
}

describe.each([...new Set(pairs.map(({ server }) => server))])('servers of $name', (by) => {
  test('resume the sessions of others with the same store and secret', async () => {
    const store = memoryStore();
    const [one, two] = [await serving(by, { store, secret }), await serving(by, { store, secret })];
    const stranger = await serving(by, { store, secret: randomBytes(32), onFailed: () => {} });
    const session = await sessionFrom(one);
    expect([await resumes(two, session), await resumes(stranger, session)]).toEqual([true, false]);
    two.storing.stop();
    expect(await resumes(two, session)).toBe(false);
  });

  test('do not resume the sessions of others that demand something else of their clients', async () => {
    const store = memoryStore();
    const { authority } = identities;
    const other = await makeAuthority();
    const demands = [
      { requestCert: true, rejectUnauthorized: false, ca: authority.cert },
      { requestCert: true, rejectUnauthorized: false, ca: [Buffer.from(authority.cert)] },
      { requestCert: true, rejectUnauthorized: false, ca: [authority.cert, other.cert] },
      { requestCert: true, rejectUnauthorized: true, ca: authority.cert },
      { requestCert: false, ca: authority.cert },
    ];
    const servers = [];
    for (const options of demands) servers.push(await serving(by, { store, secret }, options));
    const [first, same, ...others] = servers;
    if (!first || !same) throw new Error('no servers');
    const client = await issue(authority, { usage: 'client' });
    const session = await sessionFrom(first, client);
    const resumed = [];
    for (const at of others) resumed.push(await resumes(at, session, client));
    expect([await resumes(same, session, client), ...resumed]).toEqual([true, false, false, false]);
    // What is demanded now counts.
    same.server.setSecureContext({ ...identities.server, sessionIdContext: 'same', ca: other.cert });
    expect(await resumes(same, session, client)).toBe(false);
  });

  test('go on where the store is away, silent or answering rubbish, and tell', async () => {
    const troubles: SharedStore[] = [
      { get: () => Promise.reject(new Error('down')), add: () => Promise.reject(new Error('down')) },
      { get: () => new Promise(() => {}), add: () => new Promise(() => {}) },
      { get: async () => 'rubbish', add: async () => {} },
      {
        get: () => expect.fail('thrown'),
        add: () => expect.fail('thrown'),
      },
    ];
    for (const store of troubles) {
      const told: unknown[] = [];
      const onFailed = (error: Error): void => void told.push(Reflect.get(error, 'code'));
      const at = await serving(by, { store, storeTimeout: 20, onFailed });
      const session = await sessionFrom(at);
      at.server.setSecureContext({ ...identities.server, sessionIdContext: 'same' });
      await resumes(at, session);
      expect(told).toContain('ERR_KTLS_TICKET_STORE');
    }
  });

  test('what is kept is sealed, and as long as a session counts', async () => {
    const kept: [string, string, number][] = [];
    const store: SharedStore = {
      get: async () => undefined,
      add: async (...words) => void kept.push(words),
    };
    const at = await serving(by, { store, secret, prefix: 'shop' }, { sessionTimeout: 7 });
    await sessionFrom(at);
    expect(kept).toEqual([[expect.stringMatching(/^shop:session:[0-9a-f]{64}$/), expect.stringMatching(/^s1:/), 7000]]);
  });
});

test('a handshake goes on before it is told that the store failed, whatever is made of that', async () => {
  const server = new EventEmitter();
  const order: string[] = [];
  const store = { get: () => Promise.reject(new Error('down')), add: async () => {} };
  await new Promise<void>((resolve) => {
    storeSessions(server, { store, onFailed: () => resolve(void order.push('failed')) });
    server.emit('resumeSession', Buffer.alloc(32), () => order.push('answered'));
  });
  expect(order).toEqual(['answered', 'failed']);
});

test('a store that hangs is not asked without end, and no handshake waits until a session is kept', async () => {
  const server = new EventEmitter();
  const told: string[] = [];
  let asked = 0;
  const store = {
    get: async () => undefined,
    add: () => {
      asked++;
      return new Promise(() => {});
    },
  };
  let done = 0;
  storeSessions(server, { store, storeTimeout: 60_000, onFailed: ({ message }) => told.push(message) });
  for (let n = 0; n < 1500; n++) server.emit('newSession', Buffer.alloc(32, n), Buffer.alloc(100), () => done++);
  await new Promise(setImmediate);
  expect([done, asked, told.length]).toEqual([1500, 1000, 500]);
  expect(told[0]).toMatch(/has not answered 1000 questions$/);
});

test('what cannot be is refused', async () => {
  const { server } = await listening(node, identities.server);
  const store = memoryStore();
  for (const [options, code] of [
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    [{}, 'ERR_INVALID_ARG_TYPE'],
    [{ store, keepFor: 1 }, 'ERR_OUT_OF_RANGE'],
    [{ store, secret: 'short' }, 'ERR_INVALID_ARG_VALUE'],
    [{ store, secret: undefined }, 'ERR_INVALID_ARG_TYPE'],
    [{ store, onFailed: 'warn' }, 'ERR_INVALID_ARG_TYPE'],
  ] as const) {
    const call = (): unknown => Reflect.apply(storeSessions, undefined, [server, options]);
    expect(call).toThrow(expect.objectContaining({ code }));
  }
  for (const none of [undefined, {}]) {
    const call = (): unknown => Reflect.apply(storeSessions, undefined, [none, { store }]);
    expect(call).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
  }
  expect(server.listenerCount('newSession')).toBe(0);
});

test('a listener of the application’s goes on hearing of sessions', async () => {
  const store = memoryStore();
  const at = await serving(node, { store, secret });
  const heard = once(at.server, 'newSession');
  at.server.on('newSession', (_id, _session, done) => done());
  await sessionFrom(at);
  expect(await heard).toHaveLength(3);
});
