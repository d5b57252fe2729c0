import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { unless } from '../helpers/unless.ts';
import { tls13 } from '../kernel/cells.ts';
import { closePairs, serverPair } from '../kernel/pair.ts';

afterEach(closePairs);

/** Windows takes nothing at once. */
const elsewhere = unless(process.platform === 'win32' && 'not on Windows', test);

elsewhere.each(['native', 'wasm'] as const)(
  '%s: who writes whenever there is room leaves turns to others',
  async (layer) => {
    const { server, client } = await serverPair({ cell: tls13, serverOptions: { ktls: 'off', portableLayer: layer } });
    client.pause();
    const block = Buffer.alloc(32_768);
    let [inTurn, most, total] = [0, 0, 0];
    const fill = (): void => {
      for (let hasRoom = true; hasRoom && total < 16_000_000; total += block.length) {
        hasRoom = server.write(block);
        inTurn += block.length;
      }
    };
    server.on('drain', fill);
    fill();
    // Until the system takes no more: two turns without anything.
    for (let idle = 0; idle < 2; idle++) {
      await new Promise(setImmediate);
      if (inTurn > 0) idle = 0;
      most = Math.max(most, inTurn);
      inTurn = 0;
    }
    expect(total).toBeGreaterThan(1_000_000);
    expect(most).toBeLessThan(700_000);
    const closed = once(server, 'close');
    server.destroy();
    await closed;
  },
);
