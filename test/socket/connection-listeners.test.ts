import { once } from 'node:events';
import net from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { owned, readAll } from './scenario.ts';
import { dial, listening, node, pairs, same } from './surface.ts';

/** Listeners of a server's 'connection': servers that share their port with other protocols, readers of the PROXY protocol. */

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

describe.each(pairs.filter(({ server }) => server !== node))('$name', (pair) => {
  it.each([{}, { allowHalfOpen: true }, { pauseOnConnect: true }])(
    'get sockets as node:net makes them: %j',
    async (options) => {
      await same(pair, async (by) => {
        const { server, port } = await listening(by.server, { ...identities.server, ...options });
        server.removeAllListeners('connection');
        const shown = once(server, 'connection');
        owned(net.connect(port, '127.0.0.1'));
        const [raw] = await shown;
        const seen = ['allowHalfOpen', 'readableFlowing'].map((name) => Reflect.get(raw, name));
        raw.destroy();
        return [seen, Reflect.get(server, 'allowHalfOpen'), Reflect.get(server, 'pauseOnConnect')];
      });
    },
  );

  it('a first byte decides who goes on: TLS or not', async () => {
    const seen = await same(pair, async (by) => {
      const { server, port } = await listening(by.server, identities.server);
      const [accept] = server.listeners('connection');
      server.removeAllListeners('connection').on('connection', (raw: net.Socket) => {
        raw
          .on('error', () => {})
          .once('data', (first: Buffer) => {
            raw.pause();
            if (first[0] !== 22) {
              raw.end(`plain ${first}`);
              return;
            }
            raw.unshift(first);
            Reflect.apply(accept ?? (() => {}), server, [raw]);
          });
      });
      server.on('secureConnection', (socket) => socket.end('secure'));
      const plain = owned(net.connect(port, '127.0.0.1'));
      plain.write('hello');
      const answers = [readAll(plain), readAll(dial(by.client, port, identities))];
      return (await Promise.all(answers)).map(String);
    });
    expect(seen).toEqual(['plain hello', 'secure']);
  });

  it('a plain peer that ends is closed', async () => {
    await same(pair, async (by) => {
      const { server, port } = await listening(by.server, identities.server);
      server.removeAllListeners('connection').on('connection', (raw: net.Socket) => raw.resume());
      const peer = owned(net.connect(port, '127.0.0.1')).resume();
      peer.end();
      await once(peer, 'close');
      return 'closed';
    });
  });
});
