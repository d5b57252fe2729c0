// The child process of connections that carry much in both directions. Argument: the limits, as JSON.
import { once } from 'node:events';
import type net from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { selfSigned } from '../../src/cli/self-signed.ts';
import * as ktls from '../../src/index.ts';
import { Random } from '../fuzz/mutation.ts';
import { Ends, ending, listening } from './ends.ts';
import { levelsNow } from './levels.ts';
import { Shift } from './work.ts';

const [, , limits = '{}', seed = '1'] = process.argv;
const shift = new Shift(JSON.parse(limits));
const random = new Random(Number(seed));
const identity = selfSigned(['localhost']);
const ends = new Ends();
const layers = ['native', 'wasm'] as const;
const ciphers = [
  ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
] as const;

/** No piece of it is like another at the same place, but for whole periods. */
const period = 65_521;
const pattern = Buffer.from(Uint8Array.from({ length: 4 * period }, (_, at) => ((at % period) * 31) >> 3));

/** Takes what comes, some of it after a pause, and compares it. */
async function receive(socket: net.Socket): Promise<number> {
  let received = 0;
  const end = ending(socket);
  socket.on('data', (chunk: Buffer) => {
    const from = received % period;
    for (let at = 0; at < chunk.length; at += 2 * period) {
      const part = chunk.subarray(at, at + 2 * period);
      const start = (from + at) % period;
      if (!part.equals(pattern.subarray(start, start + part.length))) {
        socket.destroy(new Error(`other bytes came than were sent, near ${received}`));
        return;
      }
    }
    received += chunk.length;
    if (random.below(64) > 0) return;
    socket.pause();
    setImmediate().then(() => socket.resume());
  });
  const error = await end;
  if (error) throw error;
  return received;
}

async function send(socket: net.Socket, total: number): Promise<void> {
  for (let sent = 0; sent < total && !socket.destroyed; ) {
    const length = Math.min(total - sent, 1 + random.below(random.below(8) === 0 ? 3 * period : 16_384));
    const start = sent % period;
    sent += length;
    if (!socket.write(pattern.subarray(start, start + length))) await drained(socket);
  }
  socket.end();
}

async function drained(socket: net.Socket): Promise<void> {
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  socket.once('close', onClose);
  await once(socket, 'drain', { signal: gone.signal }).catch((error: unknown) => {
    if (!gone.signal.aborted) throw error;
  });
  socket.off('close', onClose);
}

const servers = layers.map((portableLayer) => {
  const server = ktls.createServer({ ...identity, portableLayer, allowHalfOpen: true });
  server.on('connection', (socket: net.Socket) => ends.add(socket));
  return server;
});
const ports = await Promise.all(servers.map(listening));

async function step(): Promise<void> {
  const total = sizes.smallest + random.below(sizes.more);
  const [index, cipher] = [random.below(2), random.of(ciphers)];
  const isTls13 = cipher.startsWith('TLS_');
  const version = isTls13 ? 'TLSv1.3' : 'TLSv1.2';
  const client = ktls.connect({
    ...{ port: ports[index], host: '127.0.0.1', servername: 'localhost', ca: identity.cert, allowHalfOpen: true },
    ...{ ciphers: isTls13 ? `${cipher}:ECDHE-ECDSA-AES128-GCM-SHA256` : cipher, portableLayer: random.of(layers) },
    ...{ minVersion: version, maxVersion: version },
  });
  ends.add(client);
  try {
    const [[accepted]] = await Promise.all([
      once(servers[index] ?? client, 'secureConnection'),
      once(client, 'secureConnect'),
    ]);
    const server: net.Socket = accepted;
    const came = Promise.all([receive(client), receive(server)]);
    await Promise.all([send(client, total), send(server, total)]);
    for (const bytes of await came) {
      shift.bytes += bytes;
      if (bytes !== total) throw new Error(`${bytes} bytes came of ${total}`);
    }
  } catch (error) {
    client.destroy();
    shift.fault(`${cipher}: ${error instanceof Error ? error.message : String(error)}`);
  }
  shift.connections++;
}

const sizes = { smallest: 1_000_000, more: 40_000_000 } as const;

// One at a time, so that the server's next connection is the client's.
await shift.work(step, 1, async () => {
  await ends.none();
  return await levelsNow(servers);
});
for (const server of servers) server.close();
await Promise.all(servers.map((server) => once(server, 'close')));
process.disconnect();
