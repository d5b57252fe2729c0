import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import net from 'node:net';
import type tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { closed, listenUntilEnd, owned } from './scenario.ts';
import { node, pairs, same, versions } from './surface.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

const storage = new AsyncLocalStorage<string>();

/** The store in which a socket tells each of its events for the first time. */
function storesOf(socket: tls.TLSSocket): Record<string, string | undefined> {
  const stores: Record<string, string | undefined> = {};
  for (const event of ['secureConnect', 'data', 'end'])
    socket.once(event, () => {
      stores[event] = storage.getStore();
    });
  return stores;
}

describe.each(pairs.filter(({ client, server }) => client !== node || server !== node))('$name', (pair) => {
  it.each(versions)('AsyncLocalStorage: what is told, and in which store: %s', async (maxVersion) => {
    const seen = await same(pair, async (by) => {
      const server = storage.run('making the server', () =>
        by.server.createServer({ ...identities.server, maxVersion }),
      );
      const atServer: unknown[] = [];
      const accepted: Promise<void>[] = [];
      server.on('secureConnection', (socket) => {
        atServer.push(storage.getStore(), storesOf(owned(socket)));
        accepted.push(closed(socket));
        socket.end('hello');
      });
      const port = await storage.run('listening', () => listenUntilEnd(server));
      const trusting = { host: '127.0.0.1', ca: identities.authority.cert, servername: 'localhost' };
      const client = storage.run('connecting', () => owned(by.client.connect({ ...trusting, port })));
      const raw = storage.run('the raw socket', () => owned(net.connect(port, '127.0.0.1')));
      await once(raw, 'connect');
      const over = storage.run('going over', () => owned(by.client.connect({ ...trusting, socket: raw })));
      const stores = [storesOf(client), storesOf(over)];
      await Promise.all([client, over].map((socket) => closed(socket.resume())));
      await Promise.all(accepted);
      return { atServer, stores };
    });
    expect(seen.atServer[0]).toBe('listening');
    expect(seen.stores).toMatchObject([{ data: 'connecting' }, { data: 'going over' }]);
  });
});
