import { once } from 'node:events';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { generateEchKey } from '../../src/ech.ts';
import { connect, createServer, type TLSSocket } from '../../src/index.ts';
import { kernelSupport } from '../../src/platform/kernel/kernel-support.ts';
import { listen } from '../helpers/listen.ts';
import { cells, kernelOnly, only } from './cells.ts';
import { identity } from './identity.ts';
import { closePairs } from './pair.ts';
import { feed, hashOf, makePayload, sha256 } from './traffic.ts';

beforeAll(() => expect(kernelSupport().refused).toBe(undefined));
afterEach(closePairs);

const payload = makePayload(2_000_000);

test.each(cells.filter(({ version }) => version === 'TLSv1.3'))(
  'an encrypted hello, and the kernel carries both directions of both ends: $aead',
  async (cell) => {
    const key = generateEchKey({ publicName: 'outer.example' });
    const server = createServer({ ...identity, ...only(cell), ech: { keys: key.pem }, ktls: kernelOnly });
    const port = await listen(server);
    const accepted = once(server, 'secureConnection');
    const options = { ca: identity.cert, servername: 'localhost', ktls: kernelOnly, ...only(cell) };
    const client = connect({ port, host: '127.0.0.1', ech: { configs: key.configs }, ...options });
    await once(client, 'secureConnect');
    const [serving]: TLSSocket[] = await accepted;
    if (!serving) throw new Error('no connection');
    const received = Promise.all([hashOf(serving, payload.length), hashOf(client, payload.length)]);
    await Promise.all([feed(serving, payload), feed(client, payload)]);
    expect(await received).toEqual([sha256(payload), sha256(payload)]);
    for (const socket of [client, serving]) {
      expect([socket.ech?.status, socket.recordLayer.read, socket.recordLayer.write]).toEqual([
        'accepted',
        'kernel',
        'kernel',
      ]);
      socket.destroy();
    }
    server.close();
  },
);
