import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import type { TLSSocket } from '../../src/index.ts';
import { unless } from '../helpers/unless.ts';
import { rekeys, tls12, tls13 } from './cells.ts';
import { layers, on } from './layers.ts';
import { closePairs, ourPair, serverPair } from './pair.ts';
import { rawClient } from './raw-pair.ts';
import { feed, hashOf, makePayload, sha256 } from './traffic.ts';

afterEach(closePairs);

const payload = makePayload(8_000_000);

/** Writes until the socket takes no more because the peer does not read. */
async function fill(socket: TLSSocket): Promise<number> {
  let written = 0;
  while (written < payload.length) {
    const part = payload.subarray(written, written + 500_000);
    written += part.length;
    const isTaken = new Promise((resolve) => socket.write(part, () => resolve(true)));
    if (!(await Promise.race([isTaken, turns(50).then(() => false)]))) break;
  }
  return written;
}

/** One write that is not collected with those before it: the stream has been told of them. */
async function writeAlone(socket: TLSSocket, bytes: Uint8Array): Promise<void> {
  socket.write(bytes);
  await new Promise<void>((resolve) => process.nextTick(resolve));
}

/** Event loop turns, each after whatever became ready meanwhile. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe.each(layers)('write order on $layer', ({ layer, ktls }) => {
  test.each([tls12, tls13])('close_notify comes behind all data, then FIN: $version', async (cell) => {
    const { server, client } = await serverPair({ cell, ...on(ktls) });
    server.end(payload);
    expect(await hashOf(client)).toBe(sha256(payload));
  });

  test('a peer that reads nothing holds the writer back, in bounded memory', async () => {
    const { server, client } = await serverPair({ cell: tls13, ...on(ktls) });
    const written = await fill(server);
    expect(written).toBeLessThan(payload.length);
    expect(server.write('x')).toBe(false);
    // All that is held: the kernel's send and receive buffers, and one chunk of ours.
    expect(server.writableLength).toBeLessThanOrEqual(500_001);
    const received = hashOf(client, written + 1);
    expect(await received).toBe(sha256(Buffer.concat([payload.subarray(0, written), Buffer.from('x')])));
  });

  unless(layer === 'kernel' && !rekeys && 'this kernel cannot change keys', test)(
    'KeyUpdates wait for room, then for their turn',
    async () => {
      const { server, client } = await serverPair({ cell: tls13, ...on(ktls) });
      const written = await fill(server);
      // No room in the socket: EAGAIN for each control record.
      for (let i = 0; i < 5; i++) {
        server.updateKeys();
        server.write('x');
      }
      expect(await hashOf(client, written + 5)).toBe(
        sha256(Buffer.concat([payload.subarray(0, written), Buffer.from('xxxxx')])),
      );
      expect(server.recordLayer).toMatchObject({ write: layer });
    },
  );

  test('close_notify waits for room', async () => {
    const { server, client } = await serverPair({ cell: tls13, ...on(ktls) });
    const written = await fill(server);
    server.end();
    expect(await hashOf(client)).toBe(sha256(payload.subarray(0, written)));
  });

  test('one direction may end and the other go on', async () => {
    const { server, client } = await ourPair({
      cell: tls13,
      serverOptions: { ktls, allowHalfOpen: true },
      clientOptions: { ktls, allowHalfOpen: true },
    });
    const ended = hashOf(server);
    client.end('question');
    expect(await ended).toBe(sha256(Buffer.from('question')));
    const received = hashOf(client);
    await feed(server, payload);
    server.end();
    expect(await received).toBe(sha256(payload));
    expect([server.closeNotifyReceived, client.closeNotifyReceived]).toEqual([true, true]);
  });

  test('writes that wait when the peer resets fail, each', async () => {
    const { server, peer } = await rawClient({ cell: tls13, ...on(ktls) });
    const failed = once(server, 'error');
    peer.pause();
    await fill(server);
    const results = Promise.all([1, 2, 3].map(() => new Promise((resolve) => server.write('x', resolve))));
    peer.reset();
    expect((await failed)[0].code).toMatch(/^(ECONNRESET|EPIPE)$/);
    for (const result of await results) expect(result).toBeInstanceOf(Error);
    expect(server.destroyed).toBe(true);
  });
});

unless(!rekeys && 'this kernel cannot change keys', test)(
  'KeyUpdates for which there is no room behind data are sent later',
  async () => {
    const [piece, updates] = [payload.subarray(0, 1000), 2500];
    const full = await rawClient({ cell: tls13 });
    full.peer.pause();
    // How much fits is not quite the same each time.
    let fitting = -40;
    do {
      await writeAlone(full.server, piece);
      fitting++;
    } while (full.server.writableLength === 0);
    const { server, peer } = await rawClient({ cell: tls13 });
    peer.pause();
    // All of it is with the kernel, which has little room left: sooner or later there is none for a control record (EAGAIN).
    for (let i = 0; i < fitting; i++) await writeAlone(server, piece);
    expect(server.writableLength).toBe(0);
    expect(fitting).toBeGreaterThan(100);
    for (let i = 0; i < updates; i++) server.updateKeys();
    server.write('end');
    await turns(5);
    peer.resume();
    await expect.poll(() => peer.received.length, { timeout: 30_000 }).toBe(fitting * piece.length + 3);
    const expected = [...Array.from({ length: fitting }, () => piece), Buffer.from('end')];
    expect(sha256(peer.received)).toBe(sha256(Buffer.concat(expected)));
    expect(peer.messages.filter((type) => type === 24)).toHaveLength(updates);
  },
);
