import { once } from 'node:events';
import net from 'node:net';
import { expect, test } from 'vitest';
import * as ktls from '../../src/index.ts';
import { issue } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';
import { oneHello } from '../soak/hellos.ts';

/** Nobody knows yet who is there: what a client sends while SNICallback is being answered must not fill the memory. */
test.each(['native', 'wasm'] as const)(
  '%s: a client cannot fill the memory while its handshake waits',
  async (layer) => {
    const identity = await issue(undefined);
    let answer: (() => void) | undefined;
    const server = ktls.createServer({
      ...identity,
      portableLayer: layer,
      SNICallback: (_, done) => {
        answer = () => done(null);
      },
    });
    const failed = once(server, 'tlsClientError');
    const client = net.connect(await listen(server), '127.0.0.1');
    client.on('error', () => {});
    client.write(oneHello(ktls.createSecureContext({})));
    await expect.poll(() => answer).toBeDefined();
    const before = process.memoryUsage().arrayBuffers;
    const block = Buffer.alloc(65_536, Buffer.from('1703034000', 'hex'));
    for (let sent = 0; sent < 64_000_000; sent += block.length) client.write(block);
    // Until nothing more is taken.
    for (let [idle, last] = [0, client.writableLength]; idle < 100; last = client.writableLength) {
      await new Promise(setImmediate);
      idle = client.writableLength === last ? idle + 1 : 0;
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8_000_000);
    expect(client.writableLength).toBeGreaterThan(16_000_000);
    // It goes on where it was, and finds what that was.
    answer?.();
    expect((await failed)[0]).toMatchObject({ library: 'SSL routines' });
    client.destroy();
    server.close();
    await once(server, 'close');
  },
);
