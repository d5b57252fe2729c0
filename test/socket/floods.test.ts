import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { tls13 } from '../kernel/cells.ts';
import { closePairs } from '../kernel/pair.ts';
import { rawClient } from '../kernel/raw-pair.ts';

afterEach(closePairs);

describe.each(['native', 'wasm'] as const)('KeyUpdates on %s', (portableLayer) => {
  const start = () => rawClient({ cell: tls13, serverOptions: { ktls: 'off', portableLayer } });

  test('nothing but them ends in an error', async () => {
    const { server, peer } = await start();
    const failed = once(server.resume(), 'error');
    for (let i = 0; i < 300; i++) peer.updateKeys();
    expect((await failed)[0]).toMatchObject({
      code: 'ERR_SSL_UNEXPECTED_MESSAGE',
      reason: expect.stringMatching(/more than 256/),
    });
    expect(server.destroyed).toBe(true);
  });

  test('any number of them with a KiB of data between them is none', async () => {
    const { server, peer } = await start();
    let received = 0;
    server.on('data', (bytes: Buffer) => {
      received += bytes.length;
    });
    for (let i = 0; i < 400; i++) {
      peer.updateKeys();
      peer.send(23, Buffer.alloc(1200));
    }
    await expect.poll(() => received).toBe(400 * 1200);
    expect(server.destroyed).toBe(false);
  });

  test('a byte between them pays for nothing', async () => {
    const { server, peer } = await start();
    const failed = once(server.resume(), 'error');
    for (let i = 0; i < 300; i++) {
      peer.updateKeys();
      peer.send(23, Buffer.from('x'));
    }
    expect((await failed)[0]).toMatchObject({ code: 'ERR_SSL_UNEXPECTED_MESSAGE' });
  });

  test('those whose answers are not read end in an error, also between data', async () => {
    const { server, peer } = await start();
    const failed = once(server.resume(), 'error');
    peer.pause();
    // More than fits anywhere on the way: answers can only wait behind it. Fewer than 1024 records, which Wine does not write at once.
    server.write(Buffer.alloc(16_000_000));
    for (let i = 0; i < 70; i++) {
      peer.updateKeys(true);
      peer.send(23, Buffer.from('x'));
    }
    expect((await failed)[0]).toMatchObject({
      code: 'ERR_SSL_UNEXPECTED_MESSAGE',
      reason: expect.stringMatching(/does not read the answers/),
    });
  });
});
