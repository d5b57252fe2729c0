import { fork } from 'node:child_process';
import { once } from 'node:events';
import type net from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Identity, issue } from '../helpers/certificates.ts';
import { bulkContenders, type Contender, connectedPair, contenders, nodes, type Suite } from './contenders.ts';
import { compare, type Effort, type Goal, type Listener } from './measure.ts';
import { received, send } from './transfers.ts';

/** Bulk data, one thread both ends, and each direction alone with a peer of node:tls in another process. */
export async function bulk(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const identity = await issue(undefined);
  const bytes = Math.ceil(256 * scale) * 2 ** 20;
  for (const [label, suite] of Object.entries(suites)) {
    const compared = { unit: 'MB/s', rounds, goals: goalsOf(1.5) };
    await compare(
      {
        ...compared,
        name: `bulk, both ends, ${label}`,
        runs: runsOf((one) => transferred(one, identity, suite, share(one, bytes))),
      },
      listener,
    );
    for (const way of ['receive', 'send'] as const) {
      const peers = await startPeers(identity, suite);
      const runs = runsOf((one) => withPeer(one, peers, identity, suite, way, share(one, bytes)));
      await compare({ ...compared, name: `bulk, ${way}, ${label}`, runs }, listener);
      peers.end();
    }
  }
}

/** One message there and back at a time. */
export async function pingPong(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const identity = await issue(undefined);
  const turns = Math.ceil(6000 * scale);
  for (const length of [64, 1024]) {
    const runs = runsOf((one) => echoed(one, identity, length, turns));
    await compare({ name: `ping-pong ${length} B`, unit: 'a second', goals: goalsOf(1.25), runs, rounds }, listener);
  }
}

function runsOf(run: (contender: Contender) => Promise<number>): Record<string, () => Promise<number>> {
  return Object.fromEntries(bulkContenders().map((one) => [one.name, () => run(one)]));
}

function goalsOf(ratio: number): Record<string, Goal> {
  return { native: { ratio } };
}

/** The slowest are given less to do. */
function share({ name }: Contender, bytes: number): number {
  return name === 'wasm' ? Math.ceil(bytes / 64) : bytes;
}

async function transferred(contender: Contender, identity: Identity, suite: Suite, bytes: number): Promise<number> {
  const pair = await connectedPair({ client: contender, server: contender }, identity, suite);
  const done = received(pair.server, bytes);
  send(pair.client, bytes, chunk);
  await done;
  await pair.close();
  return bytes / 1e6;
}

/** The peer is in a process of its own, so that this one's time is that of one end. */
async function withPeer(
  contender: Contender,
  peers: Peers,
  identity: Identity,
  suite: Suite,
  way: 'receive' | 'send',
  bytes: number,
): Promise<number> {
  const socket = contender.connector(identity, suite)(contender.name === 'tcp' ? peers.plain : peers.secure);
  await once(socket, contender.ready);
  const order = Buffer.alloc(orderLength);
  order.writeDoubleBE(way === 'send' ? bytes : -bytes);
  socket.write(order);
  if (way === 'send') send(socket, bytes, chunk);
  await received(socket, way === 'send' ? 1 : bytes);
  socket.destroy();
  return bytes / 1e6;
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

/** node:tls and plain TCP, told by a number how many bytes they are to receive, or to send if it is negative. */
async function bePeers(identity: Identity, suite: Suite): Promise<void> {
  const onConnection = (socket: net.Socket): void => {
    socket.on('error', () => {});
    socket.once('data', (first: Buffer) => {
      const bytes = first.readDoubleBE();
      if (bytes < 0) send(socket, -bytes, chunk);
      else void received(socket, bytes - (first.length - orderLength)).then(() => socket.write('.'));
    });
  };
  const [secure, plain] = await Promise.all(
    [nodes, contenders.tcp].map((one) => one.listen(identity, suite, onConnection)),
  );
  process.send?.({ secure: secure?.port, plain: plain?.port });
}

async function echoed(contender: Contender, identity: Identity, length: number, turns: number): Promise<number> {
  const pair = await connectedPair({ client: contender, server: contender }, identity, suites['AES-128-GCM']);
  const message = Buffer.alloc(length, 1);
  pair.server.on('data', (part: Buffer) => pair.server.write(part));
  await new Promise<void>((resolve) => {
    let [done, missing] = [0, length];
    pair.client.on('data', (part: Buffer) => {
      missing -= part.length;
      if (missing > 0) return;
      missing = length;
      if (++done === turns) resolve();
      else pair.client.write(message);
    });
    pair.client.write(message);
  });
  await pair.close();
  return turns;
}

const suites = {
  'AES-128-GCM': { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' },
  'ChaCha20-Poly1305': { version: 'TLSv1.3', cipher: 'TLS_CHACHA20_POLY1305_SHA256' },
} as const;

const chunk = Buffer.alloc(256 * 1024, 7);
const orderLength = 8;

if (process.argv[2] === 'peer') await bePeers(JSON.parse(process.argv[3] ?? ''), JSON.parse(process.argv[4] ?? ''));
