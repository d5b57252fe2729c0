import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import * as ktls from '../../src/index.ts';
import { Random } from '../fuzz/mutation.ts';
import { RawPeer } from '../helpers/raw-peer.ts';
import { tls12, tls13 } from '../kernel/cells.ts';
import { closePairs, ourServer, tcpPair, track } from '../kernel/pair.ts';
import { rawContext } from '../kernel/raw-pair.ts';

/**
 * More small records in one delivery than a turn of the event loop takes, read by an application that pauses when it pleases: what was sent
 * comes whole and in order before whatever ends the connection.
 */
const disposed: RawPeer[] = [];

afterEach(async () => {
  for (const peer of disposed.splice(0)) peer.dispose();
  await closePairs();
});

const streams: Readonly<Record<string, () => Promise<[Duplex, Duplex]>>> = {
  'TCP socket': tcpPair,
  stream: async () => duplexPair(),
};
const cells = [
  ['TLS 1.2', tls12],
  ['TLS 1.3', tls13],
] as const;

describe.each(Object.keys(streams))('over a %s', (stream) => {
  describe.each(['native', 'wasm'] as const)('%s', (portableLayer) => {
    describe.each(cells)('%s', (_, cell) => {
      test.each(endings.map(({ name }) => name))('%s', async (name) => {
        for (let seed = 1; seed <= 3; seed++) {
          const random = new Random(seed * 7919);
          const [ours, other] = (await streams[stream]?.()) ?? [];
          const chosen = endings.find((one) => one.name === name);
          if (!ours || !other || !chosen) throw new Error('there is no such case');
          const server = new ktls.TLSSocket(ours, ourServer({ cell, serverOptions: { ktls: 'off', portableLayer } }));
          track({ server, client: server });
          const peer = new RawPeer(other, { isServer: false, secureContext: rawContext(cell) });
          disposed.push(peer);
          await Promise.all([once(server, 'secure'), peer.secure]);
          const read = reading(server, random);
          peer.hold();
          const sent = sendSmall(peer, random);
          chosen.send(peer);
          peer.release();
          chosen.after(peer);
          const { data, events } = await read;
          // An error takes with it what the application has paused before, as with node:tls.
          const wanted = chosen.events.includes('error') ? sent.subarray(0, data.length) : sent;
          expect(data.equals(wanted), `seed ${seed}: ${data.length} bytes of ${sent.length}`).toBe(true);
          expect(events, `seed ${seed}`).toEqual(chosen.events);
        }
      });
    });
  });
});

interface Ending {
  readonly name: string;
  readonly send: (peer: RawPeer) => void;
  readonly after: (peer: RawPeer) => void;
  readonly events: readonly string[];
}

const endings: readonly Ending[] = [
  { name: 'close_notify', send: (peer) => peer.close(), after: (peer) => peer.end(), events: ['end', 'close'] },
  { name: 'a FIN alone', send: () => {}, after: (peer) => peer.end(), events: ['end', 'close'] },
  {
    name: 'a record that is no good',
    send: (peer) => peer.sendBytes(damaged(peer.seal(23, Buffer.of(1)))),
    after: () => {},
    events: ['error', 'close'],
  },
  {
    name: 'a fatal alert',
    send: (peer) => peer.send(21, Buffer.of(2, 80)),
    after: () => {},
    events: ['error', 'close'],
  },
];

function damaged(record: Uint8Array): Uint8Array {
  return record.with(record.length - 1, (record.at(-1) ?? 0) ^ 1);
}

function sendSmall(peer: RawPeer, random: Random): Buffer {
  const parts: Buffer[] = [];
  let count = 0;
  for (let i = 0; i < 1500; i++) {
    const part = Buffer.from(Uint8Array.from({ length: 1 + random.below(3) }, () => count++ * 7));
    parts.push(part);
    peer.send(23, part);
  }
  return Buffer.concat(parts);
}

/** Reads, with pauses, until it is closed. */
async function reading(socket: ktls.TLSSocket, random: Random): Promise<{ data: Buffer; events: string[] }> {
  const parts: Buffer[] = [];
  const events: string[] = [];
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('end', () => socket.end());
  for (const name of ['end', 'error', 'close']) socket.on(name, () => events.push(name));
  socket.on('data', (chunk: Buffer) => {
    parts.push(Buffer.from(chunk));
    if (random.below(3) > 0) return;
    socket.pause();
    if (random.below(2) > 0) process.nextTick(() => socket.resume());
    else setImmediate(() => socket.resume());
  });
  await closed;
  return { data: Buffer.concat(parts), events };
}
