import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import * as ktls from '../../src/index.ts';
import { loadAddon } from '../../src/platform/addon/addon.ts';
import { listen } from '../helpers/listen.ts';
import { identity } from './identity.ts';
import { closePairs, track } from './pair.ts';

afterEach(closePairs);

test('a server that gives connections to the kernel has tried it out when it listens, and not in a handshake', async () => {
  const loaded = loadAddon();
  if ('refused' in loaded) throw new Error(loaded.refused);
  const { kernel } = loaded.addon;
  if (!kernel) throw new Error('kernel TLS is Linux only');
  const { loopbackPair } = kernel;
  let trials = 0;
  Object.assign(kernel, {
    loopbackPair: () => {
      trials++;
      return loopbackPair();
    },
  });
  try {
    const server = ktls.createServer({ ...identity, ktls: 'prefer' });
    expect(trials).toBe(0);
    const port = await listen(server);
    // One for the whole, one for each version and cipher.
    expect(trials).toBe(7);
    const accepted = once(server, 'secureConnection');
    const client = ktls.connect({
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: identity.cert,
      ktls: 'prefer',
    });
    await once(client, 'secureConnect');
    const [socket] = await accepted;
    track({ server: socket, client });
    expect(trials).toBe(7);
    server.close();
  } finally {
    Object.assign(kernel, { loopbackPair });
  }
});
