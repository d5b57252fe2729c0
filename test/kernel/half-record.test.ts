import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { PollEvent, ReceiveStop } from '../../src/platform/kernel/kernel-calls.ts';
import { advance, encodeCryptoInfo } from '../../src/record/crypto-info.ts';
import { nodeLayer } from '../connection/node-layer.ts';
import { calls, closeAll, Receiver, someKeys, tcpPair, untilSent } from './addon-pair.ts';

afterEach(closeAll);

const TLS_RX = 2;
const turns = 100;

/** A socket whose kernel opens records, and records that were sealed elsewhere. */
async function start() {
  const { near, far } = await tcpPair();
  const keys = someKeys();
  expect([calls.attachUlp(far), calls.installKeys(far, TLS_RX, encodeCryptoInfo(keys))]).toEqual([0, 0]);
  const sealer = nodeLayer.sealer(advance(keys, 0n));
  const seal = (bytes: Uint8Array): Buffer => Buffer.from(sealer.seal(23, bytes));
  return { near, receiver: new Receiver(far), seal };
}

describe('half a record behind a whole one', () => {
  // Linux 6.1 tells of it in each turn: a whole processor, for as long as the rest takes.
  test('is told of now and then, and not in each turn of the event loop', async () => {
    const { near, receiver, seal } = await start();
    const [first, second, third] = [randomBytes(1000), randomBytes(5000), randomBytes(10)];
    const whole = seal(first);
    const sealed = seal(second);
    await untilSent(near, Buffer.concat([whole, sealed.subarray(0, 3000)]));
    await receiver.ready();
    expect(receiver.many()).toEqual({ stop: ReceiveStop.blocked, data: first.toString('latin1') });

    let told = 0;
    let data = '';
    const room = Buffer.alloc(200_000);
    const poll = new calls.SocketPoll(receiver.fd, () => {
      told++;
      expect(poll.receiveMany(room, 0, room.length)).toBe(ReceiveStop.blocked);
      data += room.toString('latin1', 0, poll.state[0]);
    });
    try {
      poll.start(PollEvent.readable);
      for (let i = 0; i < turns; i++) await turn();
      expect(told).toBeLessThan(5);
      // A byte more is told, if at all, and the rest is, at once, as is what comes behind it.
      await untilSent(near, sealed.subarray(3000, 3001));
      for (let i = 0; i < turns; i++) await turn();
      expect(told).toBeLessThan(10);
      expect(data).toBe('');
      await untilSent(near, sealed.subarray(3001));
      while (data.length < second.length) await turn();
      await untilSent(near, seal(third));
      while (data.length < second.length + third.length) await turn();
      expect(data).toBe(Buffer.concat([second, third]).toString('latin1'));
    } finally {
      poll.close();
    }
  });

  test('and the end of the stream are told', async () => {
    const { near, receiver, seal } = await start();
    await untilSent(near, Buffer.concat([seal(randomBytes(10)), seal(randomBytes(1000)).subarray(0, 500)]));
    await receiver.ready();
    expect(receiver.many().stop).toBe(ReceiveStop.blocked);
    calls.closeFd(near);
    let stop: ReceiveStop = ReceiveStop.blocked;
    while (stop === ReceiveStop.blocked) {
      await receiver.ready();
      stop = receiver.many().stop;
    }
    expect(stop).toBe(ReceiveStop.end);
  });
});
