import { once } from 'node:events';
import net from 'node:net';
import { beforeAll, describe, it } from 'vitest';
import { type Identities, makeIdentities } from './identities.ts';
import { owned, record } from './scenario.ts';
import { codeOf, listening, node, pairs, same, versions } from './surface.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

describe.each(pairs.filter(({ client }) => client !== node))('$name', (pair) => {
  describe.each(versions)('%s', (maxVersion) => {
    it.each([
      { after: 'the peer has ended', early: false, by: 'connect' },
      { after: 'the handshake', early: true, by: 'connect' },
      { after: 'the peer has ended', early: false, by: 'hand' },
      { after: 'the handshake', early: true, by: 'hand' },
    ])('the application ends the socket below after $after: $by', async ({ early, by: how }) => {
      await same(pair, async (by) => {
        const { port, server } = await listening(by.server, { ...identities.server, maxVersion });
        server.on('secureConnection', (socket) => socket.resume().end('answer'));
        const raw = owned(net.connect(port, '127.0.0.1'));
        const below = record(raw, ['error']);
        await once(raw, 'connect');
        const trusting = { ca: identities.authority.cert, servername: 'localhost' };
        const secureContext = by.client.createSecureContext(trusting);
        const socket = owned(
          how === 'hand' ? by.client.secure(raw, { secureContext }) : by.client.connect({ socket: raw, ...trusting }),
        );
        const above: string[] = [];
        for (const name of ['secure', 'data', 'end', 'finish', '_tlsError', 'error', 'close'] as const)
          socket.on(name, (word) => above.push(`${name} ${name === 'data' ? word : codeOf(word)}`));
        if (early) socket.once('secure', () => raw.end());
        else socket.once('data', () => raw.end());
        if (how === 'hand') Reflect.apply(Reflect.get(socket, '_start'), socket, []);
        await once(socket, 'close');
        return { above, below };
      });
    });
  });
});
