// On the emulated machine, where a nanosecond is an instruction: counts, a line of JSON each.
// Arguments: an identity as JSON, how much of everything (1: as published).
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, type ReadStream, readFileSync, writeFileSync } from 'node:fs';
import type net from 'node:net';
import { fileURLToPath } from 'node:url';
import ktls from '../../../src/index.ts';
import type { Identity } from '../../helpers/certificates.ts';
import { type Contender, type ContenderName, contenders, type Suite } from '../contenders.ts';
import { median } from '../measure.ts';
import { received, send } from '../transfers.ts';
import type { BytesCount, ConnectionCount, Count, MessageCount } from './count.ts';
import { bePeer, type Job, order } from './peer.ts';

async function countAll(identity: Identity, scale: number): Promise<void> {
  const probed = counter();
  ktls.probe();
  tell({ kind: 'probe', own: probed().own });
  writeFileSync(file, Buffer.alloc(fileLength, 90));
  for (const [label, suite] of Object.entries(suites)) {
    const peer = await startPeer(identity, suite);
    const open = opener(identity, suite, peer.port);
    const length = Math.ceil(24 * scale) * 2 ** 20;
    const chunk = 64 * 1024;
    // First for nobody to count: what is compiled then serves all.
    for (const way of ['receive', 'send', 'file'] as const)
      for (const name of tlsContenders) await countBytes(open(name), way, Math.ceil(length / 8), chunk);
    for (const way of ['receive', 'send', 'file'] as const)
      for (const name of tlsContenders)
        tell({ ...(await countBytes(open(name), way, length, chunk)), suite: label, contender: name });
    if (label === 'AES-128-GCM') await countUse(open, scale);
    peer.child.kill();
  }
}

/** What decides when the kernel is worth it: the size of writes, and the length of connections. */
async function countUse(open: Opener, scale: number): Promise<void> {
  for (const chunk of [1024, 4096, 16_384, 262_144]) {
    const length = Math.ceil(Math.min(8, chunk / 512) * scale) * 2 ** 20;
    for (const way of ['receive', 'send'] as const)
      for (const name of tlsContenders)
        tell({ ...(await countBytes(open(name), way, length, chunk)), suite: 'AES-128-GCM', contender: name });
  }
  for (const size of [64, 1024, 16_384])
    for (const name of tlsContenders)
      tell({ ...(await countMessages(open(name), size, Math.ceil(400 * scale))), contender: name });
  for (const way of ['receive', 'send'] as const)
    for (const bytes of [1024, 65_536, 1_048_576]) await countConnections(open, way, bytes, Math.ceil(12 * scale));
}

async function countBytes(
  opened: Promise<net.Socket>,
  way: BytesCount['way'],
  length: number,
  chunk: number,
): Promise<Omit<BytesCount, 'suite' | 'contender'>> {
  const socket = await opened;
  const phase = way === 'file' ? length - (length % fileLength) || fileLength : length;
  const job: Job = way === 'receive' ? 'send' : 'receive';
  socket.write(order(job, phase, chunk));
  const run = async (): Promise<void> => await ways[way](socket, phase, Buffer.alloc(chunk, 89));
  await run();
  const count = counter();
  await run();
  const { own, whole } = count();
  await closed(socket);
  return { kind: 'bytes', way, chunk, own: own / phase, whole: whole / phase };
}

const ways: Readonly<Record<BytesCount['way'], (socket: net.Socket, length: number, chunk: Buffer) => Promise<void>>> =
  {
    async receive(socket, length) {
      socket.write('g');
      await received(socket, length);
    },
    async send(socket, length, chunk) {
      send(socket, length, chunk);
      await received(socket, 1);
    },
    async file(socket, length) {
      const done = received(socket, 1);
      for (let sent = 0; sent < length; sent += fileLength) {
        if (socket instanceof ktls.TLSSocket) await socket.sendFile(file);
        else await piped(createReadStream(file), socket);
      }
      await done;
    },
  };

async function piped(from: ReadStream, socket: net.Socket): Promise<void> {
  const ended = once(from, 'end');
  from.pipe(socket, { end: false });
  await ended;
}

async function countMessages(
  opened: Promise<net.Socket>,
  size: number,
  turns: number,
): Promise<Omit<MessageCount, 'contender'>> {
  const socket = await opened;
  const message = Buffer.alloc(size, 1);
  socket.write(order('echo', size));
  const run = async (): Promise<void> => {
    for (let turn = 0; turn < turns; turn++) {
      socket.write(message);
      await received(socket, size);
    }
  };
  await run();
  const count = counter();
  await run();
  const { own } = count();
  await closed(socket);
  return { kind: 'message', size, own: own / turns };
}

/** Connections from their beginning to their end, contenders in turns; told is the median. */
async function countConnections(open: Opener, way: 'receive' | 'send', bytes: number, rounds: number): Promise<void> {
  const owns = new Map<TlsName, number[]>(tlsContenders.map((name) => [name, []]));
  for (let round = -Math.ceil(rounds / 2); round < rounds; round++) {
    for (const name of tlsContenders) {
      const count = counter();
      const socket = await open(name);
      socket.write(order(way === 'receive' ? 'send' : 'receive', bytes, Math.min(bytes, 65_536)));
      await ways[way](socket, bytes, Buffer.alloc(Math.min(bytes, 65_536), 1));
      await closed(socket);
      if (round >= 0) owns.get(name)?.push(count().own);
    }
  }
  for (const [contender, values] of owns) {
    const count: ConnectionCount = { kind: 'connection', contender, way, bytes, own: median(values) };
    tell(count);
  }
}

type TlsName = (typeof tlsContenders)[number];
type Opener = (name: TlsName) => Promise<net.Socket>;

function opener(identity: Identity, suite: Suite, port: number): Opener {
  const connectors = new Map(tlsContenders.map((name) => [name, contenders[name].connector(identity, suite)]));
  return async (name) => {
    const socket = connectors.get(name)?.(port);
    if (!socket) throw new Error(`${name} is not counted`);
    const { ready }: Contender = contenders[name];
    await once(socket, ready);
    socket.setNoDelay();
    return socket;
  };
}

async function closed(socket: net.Socket): Promise<void> {
  const gone = once(socket, 'close');
  socket.destroy();
  await gone;
}

async function startPeer(identity: Identity, suite: Suite): Promise<{ port: number; child: ChildProcess }> {
  const child = fork(fileURLToPath(import.meta.url), ['peer', JSON.stringify(identity), JSON.stringify(suite)]);
  const [port] = await once(child, 'message');
  return { port: Number(port), child };
}

/** From now on: what this process executes, and what the machine does with everything it runs. */
function counter(): () => { own: number; whole: number } {
  globalThis.gc?.();
  const start = process.cpuUsage();
  const [now, idle] = [performance.now(), idleMilliseconds()];
  return () => {
    const { user, system } = process.cpuUsage(start);
    const busy = performance.now() - now - (idleMilliseconds() - idle);
    return { own: (user + system) * 1e3, whole: busy * 1e6 };
  };
}

function idleMilliseconds(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[1]) * 1000;
}

function tell(count: Count): void {
  console.log(JSON.stringify(count));
}

const tlsContenders = ['kernel', 'native', 'node:tls'] as const satisfies readonly ContenderName[];

const suites = {
  'AES-128-GCM': { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' },
  'ChaCha20-Poly1305': { version: 'TLSv1.3', cipher: 'TLS_CHACHA20_POLY1305_SHA256' },
} as const;

/** In memory: reading it from a disk is the same for all. */
const file = '/dev/shm/bench.bin';
const fileLength = 8 * 2 ** 20;

const [, , first = '', second = '', third = ''] = process.argv;
if (first === 'peer') await bePeer(JSON.parse(second), JSON.parse(third));
else {
  await countAll(JSON.parse(first), Number(second) || 1);
  process.exit();
}
