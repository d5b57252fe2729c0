import { once } from 'node:events';
import type net from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { record, servePlain } from './scenario.ts';
import { type ClientOptions, dial, node, type Pair, pairs, same } from './surface.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

const told = ['lookup', 'connect', 'secureConnect', 'end', 'error', 'close'];

/** What the client of a server that says nothing tells, and how many connections it had at most. */
async function life(
  by: Pair,
  start: (options: ClientOptions) => ClientOptions,
  abort?: (client: net.Socket) => Promise<void>,
) {
  const ports: (number | undefined)[] = [];
  const port = await servePlain((peer) => {
    ports.push(peer.remotePort);
    peer.resume();
  });
  const client = dial(by.client, port, identities, start({}));
  const events = record(client, told);
  const closed = new Promise((resolve) => client.once('close', resolve));
  await abort?.(client);
  await closed;
  // Whoever has been connected by then is known: the server accepts in order.
  const last = dial(node, port, identities);
  await once(last, 'connect');
  while (!ports.includes(last.localPort)) await new Promise(setImmediate);
  const others = ports.filter((one) => one !== last.localPort);
  last.on('error', () => {}).destroy();
  return { events, connections: others.length };
}

describe.each(pairs.filter(({ client }) => client !== node))('$name', (pair) => {
  // node:tls tells the same, and leaves a connection open.
  it('a signal that is aborted already: nothing is opened', async () => {
    const seen = await life(pair, () => ({ signal: AbortSignal.abort() }));
    expect(seen).toEqual({ events: ['error ABORT_ERR', 'close true'], connections: 0 });
  });

  it('aborted in the lookup: nothing is opened', async () => {
    const seen = await same(pair, async (by) => {
      const controller = new AbortController();
      const lookup: net.LookupFunction = (_name, options, done) => {
        setImmediate(() => {
          controller.abort();
          if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
          else done(null, '127.0.0.1', 4);
        });
      };
      return await life(by, () => ({ host: 'localhost', signal: controller.signal, lookup }));
    });
    expect(seen.connections).toBe(0);
  });

  it('aborted while it connects, and in the handshake', async () => {
    for (const event of [undefined, 'connect']) {
      await same(pair, async (by) => {
        const controller = new AbortController();
        const { events } = await life(
          by,
          () => ({ signal: controller.signal }),
          async (client) => {
            if (event) await once(client, event);
            controller.abort();
          },
        );
        return events;
      });
    }
  });
});
