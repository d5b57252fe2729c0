import { typeError } from '../errors/coded.ts';
import type { SharedStore } from './shared-store.ts';

/** What is used of a client of Redis or Valkey: ioredis (5 and later) or node-redis (`redis`, 5 and later), a cluster's too. */
export interface RedisClient {
  get: (name: string) => Promise<unknown>;
  set: (...words: never[]) => Promise<unknown>;
}

/**
 * A store in Redis or Valkey, through the client that the application has and goes on owning: it connects, authenticates, reconnects and
 * closes. The commands are `GET` and `SET … PX … NX`. What is kept there opens the sessions of all machines: give a `secret`, too, where others can
 * read that server or what is sent to it.
 *
 * @param client - ioredis's or node-redis's
 * @throws ERR_INVALID_ARG_TYPE for what is neither
 * @example
 * import { Redis } from 'ioredis';
 * const keyring = createTicketKeyring({ store: redisStore(new Redis(url)), secret });
 */
export function redisStore(client: RedisClient): SharedStore {
  if (typeof client !== 'object' || client === null || !hasMethod(client, 'get') || !hasMethod(client, 'set'))
    throw typeError('ERR_INVALID_ARG_TYPE', 'The "client" argument must be a client of ioredis or node-redis');
  // Only ioredis has it.
  const isIoredis = hasMethod(client, 'call');
  return {
    async get(name) {
      const value = await client.get(name);
      // A client of node-redis may be set to answer with Buffers.
      return value === null || value === undefined ? undefined : String(value);
    },
    async add(name, value, milliseconds) {
      const options = isIoredis
        ? ['PX', milliseconds, 'NX']
        : [{ condition: 'NX', expiration: { type: 'PX', value: milliseconds } }];
      await Reflect.apply(client.set, client, [name, value, ...options]);
    },
  };
}

function hasMethod(client: object, name: string): boolean {
  return typeof Reflect.get(client, name) === 'function';
}
