import { fork } from 'node:child_process';
import { once } from 'node:events';
import type net from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Identity, issue } from '../helpers/certificates.ts';
import {
  bulkContenders,
  type Contender,
  type ContenderName,
  connectedPair,
  contenders,
  nodes,
  type Suite,
} from './contenders.ts';
import { compareRates, type Effort, type Goal, type Listener } from './measure.ts';
import { type Work, withSubjects } from './subjects.ts';
import { received, send } from './transfers.ts';

/** Bulk data, one thread both ends, and each direction alone with a peer of node:tls in another process. */
export async function bulk(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const identity = await issue(undefined);
  const bytes = Math.ceil(256 * scale) * 2 ** 20;
  const names = bulkContenders();
  for (const [label, suite] of Object.entries(suites)) {
    const options = (name: ContenderName): Transfer => ({ identity, suite, bytes: share(name, bytes) });
    const compared = { unit: 'MB/s', rounds, goals: goalsOf(1.5) };
    await withSubjects('transfer', names, options, (subjects) =>
      compareRates(subjects, { ...compared, name: `bulk, both ends, ${label}` }, listener),
    );
    for (const way of ['receive', 'send'] as const) {
      const peers = await startPeers(identity, suite);
      await withSubjects(
        'transferWithPeer',
        names,
        (name) => ({ ...options(name), way, port: name === 'tcp' ? peers.plain : peers.secure }),
        (subjects) => compareRates(subjects, { ...compared, name: `bulk, ${way}, ${label}` }, listener),
      );
      peers.end();
    }
  }
}

/** By whom records are sealed and opened: the same without a system beneath it, and with it. */
export async function protection(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const identity = await issue(undefined);
  const bytes = Math.ceil(256 * scale) * 2 ** 20;
  for (const [label, suite] of Object.entries(suites))
    for (const [work, where] of Object.entries({ transferInMemory: 'in memory', transfer: 'by loopback' }))
      await withSubjects(
        work,
        protectors,
        () => ({ identity, suite, bytes }),
        (subjects) => compareRates(subjects, { name: `bulk, ${where}, ${label}`, unit: 'MB/s', rounds }, listener),
      );
}

const protectors = ['native', 'node:crypto', 'node:tls'] as const;

/** One message there and back at a time. */
export async function pingPong(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const identity = await issue(undefined);
  const turns = Math.ceil(10_000 * scale);
  for (const length of [64, 1024])
    await withSubjects(
      'echo',
      bulkContenders(),
      (name) => ({ identity, length, turns: name === 'wasm' ? Math.ceil(turns / 8) : turns }),
      (subjects) =>
        compareRates(
          subjects,
          { name: `ping-pong ${length} B`, unit: 'a second', goals: goalsOf(1.25), rounds },
          listener,
        ),
    );
}

function goalsOf(ratio: number): Record<string, Goal> {
  return { native: { ratio } };
}

/** The slowest are given less to do. */
function share(name: ContenderName, bytes: number): number {
  return name === 'wasm' ? Math.ceil(bytes / 64) : bytes;
}

interface Transfer {
  readonly identity: Identity;
  readonly suite: Suite;
  readonly bytes: number;
}

export async function transfer(contender: Contender, { identity, suite, bytes }: Transfer): Promise<Work> {
  const { client, server } = await connectedPair({ client: contender, server: contender }, identity, suite);
  return {
    async run() {
      const done = received(server, bytes);
      send(client, bytes, chunk);
      await done;
      return bytes / 1e6;
    },
  };
}

export async function transferInMemory(contender: Contender, { identity, suite, bytes }: Transfer): Promise<Work> {
  const ends = await contender.inMemory?.(identity, suite);
  if (!ends) throw new TypeError(`${contender.name} needs a system's connections`);
  return {
    async run() {
      const done = received(ends.server, bytes);
      send(ends.client, bytes, chunk);
      await done;
      return bytes / 1e6;
    },
  };
}

/** The peer is in a process of its own, so that this one's time is that of one end. */
export async function transferWithPeer(
  contender: Contender,
  { identity, suite, bytes, way, port }: Transfer & { readonly way: 'receive' | 'send'; readonly port: number },
): Promise<Work> {
  const socket = contender.connector(identity, suite)(port);
  await once(socket, contender.ready);
  return {
    async run() {
      const order = Buffer.alloc(orderLength);
      order.writeDoubleBE(way === 'send' ? bytes : -bytes);
      socket.write(order);
      if (way === 'send') send(socket, bytes, chunk);
      await received(socket, way === 'send' ? 1 : bytes);
      return bytes / 1e6;
    },
  };
}

interface Peers {
  readonly secure: number;
  readonly plain: number;
  end(): void;
}

async function startPeers(identity: Identity, suite: Suite): Promise<Peers> {
  const child = fork(fileURLToPath(import.meta.url), ['peer', JSON.stringify(identity), JSON.stringify(suite)]);
  const [ports] = await once(child, 'message');
  return { ...ports, end: () => void child.kill() };
}

/** node:tls and plain TCP, told again and again by a number how many bytes they are to receive, or to send if it is negative. */
async function bePeers(identity: Identity, suite: Suite): Promise<void> {
  const onConnection = (socket: net.Socket): void => {
    socket.on('error', () => {});
    const obey = async (first: Buffer): Promise<void> => {
      const bytes = first.readDoubleBE();
      if (bytes < 0) send(socket, -bytes, chunk);
      else {
        await received(socket, bytes - (first.length - orderLength));
        socket.write('.');
      }
      socket.once('data', obey);
    };
    socket.once('data', obey);
  };
  const [secure, plain] = await Promise.all(
    [nodes, contenders.tcp].map((one) => one.listen(identity, suite, onConnection)),
  );
  process.send?.({ secure: secure?.port, plain: plain?.port });
}

export async function echo(
  contender: Contender,
  { identity, length, turns }: { readonly identity: Identity; readonly length: number; readonly turns: number },
): Promise<Work> {
  const message = Buffer.alloc(length, 1);
  const { client, server } = await connectedPair(
    { client: contender, server: contender },
    identity,
    suites['AES-128-GCM'],
  );
  server.on('data', (part: Buffer) => server.write(part));
  let [done, missing, end] = [0, length, (): void => {}];
  client.on('data', (part: Buffer) => {
    missing -= part.length;
    if (missing > 0) return;
    missing = length;
    if (++done % turns === 0) end();
    else client.write(message);
  });
  return {
    async run() {
      await new Promise<void>((resolve) => {
        end = resolve;
        client.write(message);
      });
      return turns;
    },
  };
}

const suites = {
  'AES-128-GCM': { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' },
  'ChaCha20-Poly1305': { version: 'TLSv1.3', cipher: 'TLS_CHACHA20_POLY1305_SHA256' },
} as const;

const chunk = Buffer.alloc(256 * 1024, 7);
const orderLength = 8;

if (process.argv[2] === 'peer') await bePeers(JSON.parse(process.argv[3] ?? ''), JSON.parse(process.argv[4] ?? ''));
