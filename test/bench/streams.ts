import { fork } from 'node:child_process';
import { once } from 'node:events';
import type net from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Identity, issue } from '../helpers/certificates.ts';
import { type Contender, connectedPair, nodes, ours, type Suite } from './contenders.ts';
import { compare, type Row } from './measure.ts';

type Tell = (row: Row) => void;

/** Bulk data, one thread both ends, and each direction alone. `goal`: with node:crypto only it is another. */
export async function bulk(tell: Tell, goal = 1.5): Promise<void> {
  const identity = await issue(undefined);
  for (const [label, suite] of Object.entries(suites)) {
    const run = (client: Contender, server: Contender, way: 'up' | 'down') => () =>
      transferred({ client, server }, identity, suite, way);
    const compared = { unit: 'MB/s', goal };
    tell(
      await compare({
        ...compared,
        name: `both ends, ${label}`,
        ours: run(ours, ours, 'up'),
        theirs: run(nodes, nodes, 'up'),
      }),
    );
    for (const [name, way] of [
      ['receive', 'down'],
      ['send', 'up'],
    ] as const) {
      const peer = await startPeer(identity, suite);
      const alone = (contender: Contender) => () => withPeer(contender, peer.port, identity, suite, way);
      tell(await compare({ ...compared, name: `${name}, ${label}`, ours: alone(ours), theirs: alone(nodes) }));
      peer.end();
    }
  }
}

/** One message there and back at a time. */
export async function pingPong(tell: Tell): Promise<void> {
  const identity = await issue(undefined);
  for (const length of [64, 1024]) {
    const run = (contender: Contender) => () => echoed(contender, identity, length);
    tell(
      await compare({
        name: `ping-pong ${length} B`,
        unit: 'a second',
        goal: 1.25,
        ours: run(ours),
        theirs: run(nodes),
        rounds: 7,
      }),
    );
  }
}

async function transferred(
  contenders: { client: Contender; server: Contender },
  identity: Identity,
  suite: Suite,
  way: 'up' | 'down',
): Promise<number> {
  const pair = await connectedPair(contenders, identity, suite);
  const [from, to] = way === 'up' ? [pair.client, pair.server] : [pair.server, pair.client];
  const done = received(to, bulkLength);
  send(from, bulkLength);
  await done;
  await pair.close();
  return bulkLength / 1e6;
}

/** A peer in a process of its own, so that this one's time is that of one end. */
async function withPeer(
  contender: Contender,
  port: number,
  identity: Identity,
  suite: Suite,
  way: 'up' | 'down',
): Promise<number> {
  const socket = contender.connector(identity, suite)(port);
  await once(socket, contender.ready);
  socket.write(way === 'up' ? 'U' : 'D');
  if (way === 'up') {
    send(socket, bulkLength);
    await once(socket, 'data');
  } else {
    await received(socket, bulkLength);
  }
  socket.destroy();
  return bulkLength / 1e6;
}

async function startPeer(identity: Identity, suite: Suite): Promise<{ port: number; end(): void }> {
  const child = fork(fileURLToPath(import.meta.url), ['peer', JSON.stringify(identity), JSON.stringify(suite)]);
  const [port] = await once(child, 'message');
  return { port: Number(port), end: () => void child.kill() };
}

/** node:tls, which is told by the first byte whether it is to send or to receive. */
async function bePeer(identity: Identity, suite: Suite): Promise<void> {
  const { port } = await nodes.listen(identity, suite, (socket) => {
    socket.on('error', () => {});
    socket.once('data', (first: Buffer) => {
      if (first[0] === 0x44) send(socket, bulkLength);
      else void received(socket, bulkLength - (first.length - 1)).then(() => socket.write('.'));
    });
  });
  process.send?.(port);
}

function received(socket: net.Socket, length: number): Promise<void> {
  return new Promise((resolve) => {
    let left = length;
    socket.on('data', (part: Buffer) => {
      left -= part.length;
      if (left <= 0) resolve();
    });
  });
}

function send(socket: net.Socket, length: number): void {
  let left = length;
  const more = (): void => {
    while (left > 0) {
      left -= chunk.length;
      if (!socket.write(chunk)) return;
    }
    socket.off('drain', more);
  };
  socket.on('drain', more);
  more();
}

async function echoed(contender: Contender, identity: Identity, length: number): Promise<number> {
  const pair = await connectedPair({ client: contender, server: contender }, identity, suites['AES-128-GCM']);
  const message = Buffer.alloc(length, 1);
  pair.server.on('data', (part: Buffer) => pair.server.write(part));
  await new Promise<void>((resolve) => {
    let [turns, missing] = [0, length];
    pair.client.on('data', (part: Buffer) => {
      missing -= part.length;
      if (missing > 0) return;
      missing = length;
      if (++turns === pings) resolve();
      else pair.client.write(message);
    });
    pair.client.write(message);
  });
  await pair.close();
  return pings;
}

const suites = {
  'AES-128-GCM': { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' },
  'ChaCha20-Poly1305': { version: 'TLSv1.3', cipher: 'TLS_CHACHA20_POLY1305_SHA256' },
} as const;

const bulkLength = 256 * 2 ** 20;
const chunk = Buffer.alloc(256 * 1024, 7);
const pings = 6_000;

if (process.argv[2] === 'peer') await bePeer(JSON.parse(process.argv[3] ?? ''), JSON.parse(process.argv[4] ?? ''));
