import { constants, randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTicketKeyring, type RedisClient, redisStore, storeSessions } from '../../src/tickets.ts';
import type { Service } from '../applications/service.ts';
import { type IdentityFiles, makeIdentityFiles } from '../interop/identity-files.ts';
import { type Identities, makeIdentities } from '../socket/identities.ts';
import { bothSecure, dial, listening, node, pairs } from '../socket/surface.ts';
import { startPlainRedis } from './fleet.ts';

let files: IdentityFiles;
let identities: Identities;
let redis: Service;

beforeAll(async () => {
  [files, identities] = await Promise.all([makeIdentityFiles(), makeIdentities()]);
  redis = await startPlainRedis(files);
});
afterAll(async () => {
  await redis?.stop();
  files.remove();
});

interface Connected {
  readonly client: RedisClient;
  readonly pttl: (name: string) => Promise<number>;
  readonly close: () => unknown;
}

const clients: [string, () => Promise<Connected>][] = [
  [
    'ioredis',
    async () => {
      const client = new Redis({ port: redis.port, host: '127.0.0.1' });
      return { client, pttl: (name) => client.pttl(name), close: () => client.disconnect() };
    },
  ],
  [
    'redis',
    async () => {
      const client = await createClient({ socket: { port: redis.port, host: '127.0.0.1' } }).connect();
      return { client, pttl: async (name) => Number(await client.pTTL(name)), close: () => client.destroy() };
    },
  ],
];

describe.each(clients)('by %s', (name, connect) => {
  test('a value is kept as long as it is to be, and is not replaced', async () => {
    const { client, pttl, close } = await connect();
    const store = redisStore(client);
    const key = `${name}:some`;
    expect(await store.get(key)).toBeUndefined();
    await store.add(key, 'first', 5000);
    await store.add(key, 'second', 90_000);
    expect(await store.get(key)).toBe('first');
    expect(await pttl(key)).toBeLessThanOrEqual(5000);
    expect(await pttl(key)).toBeGreaterThan(0);
    await close();
  });

  test('what another kind of value stands under is told, and the keys go on', async () => {
    const { client, close } = await connect();
    const prefix = `${name}-list`;
    const rotateEvery = 3_600_000;
    const span = Math.floor(Date.now() / rotateEvery);
    const raw = new Redis({ port: redis.port, host: '127.0.0.1' });
    for (let n = -1; n < 4; n++) await raw.lpush(`${prefix}:tickets:${rotateEvery}:${span + n}`, 'x');
    raw.disconnect();
    const keyring = createTicketKeyring({ store: redisStore(client), prefix, rotateEvery });
    const failures: Error[] = [];
    keyring.on('failed', (error) => failures.push(error));
    expect(await keyring.ready()).toBe(false);
    expect(failures[0]?.message).toMatch(/WRONGTYPE/);
    keyring.close();
    await close();
  });

  test('sessions of TLS 1.2 are resumed by another server', async () => {
    const { client, close } = await connect();
    const ours = pairs.find(({ server }) => server !== node)?.server ?? node;
    const options = { store: redisStore(client), secret: randomBytes(32), prefix: name };
    const servers = [];
    for (const by of [ours, ours]) {
      const at = await listening(by, { ...identities.server, sessionIdContext: 'same' });
      storeSessions(at.server, options);
      servers.push(at);
    }
    const byId = { maxVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET } as const;
    let session: Buffer | undefined;
    const resumed: boolean[] = [];
    for (const { server, port } of servers) {
      const ends = await bothSecure(server, dial(node, port, identities, { ...byId, session }));
      resumed.push(ends.accepted.isSessionReused());
      session = ends.client.getSession();
      ends.client.destroy();
    }
    expect(resumed).toEqual([false, true]);
    await close();
  });
});

test('what is no client of Redis is refused', () => {
  for (const wrong of [undefined, null, {}, { get: () => {} }, 'redis://'])
    expect(() => Reflect.apply(redisStore, undefined, [wrong])).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    );
});
