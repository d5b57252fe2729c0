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
import { inTurns, median } from '../measure.ts';
import { received, send } from '../transfers.ts';
import type { BytesCount, Count } from './count.ts';
import { bePeer, type Job, order } from './peer.ts';
import { countTakeover } from './takeover.ts';

async function countAll(identity: Identity, scale: number): Promise<void> {
  const probed = counter();
  ktls.probe();
  tell({ kind: 'probe', own: probed().own });
  for (const count of countTakeover(Math.ceil(200 * scale))) tell(count);
  writeFileSync(file, Buffer.alloc(fileLength, 90));
  for (const [label, suite] of Object.entries(suites)) {
    const peer = await startPeer(identity, suite);
    const open = opener(identity, suite, peer.port);
    const megabytes = Math.ceil(16 * scale);
    for (const way of ['receive', 'send', 'file'] as const) await countBytes(open, label, way, 65_536, megabytes);
    if (label === 'AES-128-GCM') await countUse(open, scale);
    peer.child.kill();
  }
}

/** What decides when the kernel is worth it: the size of writes, and the length of connections. */
async function countUse(open: Opener, scale: number): Promise<void> {
  for (const way of ['receive', 'send'] as const)
    for (const chunk of [1024, 4096, 16_384, 262_144])
      await countBytes(open, 'AES-128-GCM', way, chunk, Math.ceil(Math.min(4, chunk / 1024) * scale));
  for (const size of [64, 1024, 16_384]) {
    const owns = await inTurns(
      openers(open),
      rounds,
      async (opened) => await countMessages(opened, size, Math.ceil(400 * scale)),
    );
    for (const name of tlsContenders) tell({ kind: 'message', contender: name, size, own: settled(owns[name]) });
  }
  for (const way of ['receive', 'send'] as const)
    for (const bytes of [1024, 65_536, 1_048_576]) await countConnections(open, way, bytes, Math.ceil(12 * scale));
}

async function countBytes(
  open: Opener,
  suite: string,
  way: BytesCount['way'],
  chunk: number,
  megabytes: number,
): Promise<void> {
  const length =
    way === 'file' ? Math.max(1, Math.floor((megabytes * 2 ** 20) / fileLength)) * fileLength : megabytes * 2 ** 20;
  const counts = await inTurns(openers(open), rounds, async (opened) => {
    const socket = await opened();
    const job: Job = way === 'receive' ? 'send' : 'receive';
    socket.write(order(job, length, chunk));
    const run = async (): Promise<void> => await ways[way](socket, length, Buffer.alloc(chunk, 89));
    await run();
    const count = counter();
    await run();
    const counted = count();
    await closed(socket);
    return counted;
  });
  for (const contender of tlsContenders) {
    const [own, whole] = (['own', 'whole'] as const).map((key) => settled(counts[contender]?.map((one) => one[key])));
    if (own === undefined || whole === undefined) throw new Error(`nothing was counted of ${contender}`);
    tell({ kind: 'bytes', suite, contender, way, chunk, own: own / length, whole: whole / length });
  }
}

/** Without the first round: what is compiled and allocated then serves all. */
function settled(values: readonly number[] = []): number {
  return median(values.length > 1 ? values.slice(1) : values);
}

function openers(open: Opener): Record<TlsName, () => Promise<net.Socket>> {
  return { kernel: () => open('kernel'), native: () => open('native'), 'node:tls': () => open('node:tls') };
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

async function countMessages(open: () => Promise<net.Socket>, size: number, turns: number): Promise<number> {
  const socket = await open();
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
  return own / turns;
}

/** Connections from their beginning to their end. */
async function countConnections(open: Opener, way: 'receive' | 'send', bytes: number, times: number): Promise<void> {
  const owns = await inTurns(openers(open), times + 4, async (opened) => {
    const count = counter();
    const socket = await opened();
    socket.write(order(way === 'receive' ? 'send' : 'receive', bytes, Math.min(bytes, 65_536)));
    await ways[way](socket, bytes, Buffer.alloc(Math.min(bytes, 65_536), 1));
    await closed(socket);
    return count().own;
  });
  for (const contender of tlsContenders)
    tell({ kind: 'connection', contender, way, bytes, own: median(owns[contender]?.slice(4) ?? []) });
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
const fileLength = 4 * 2 ** 20;

const rounds = 3;

const [, , first = '', second = '', third = ''] = process.argv;
if (first === 'peer') await bePeer(JSON.parse(second), JSON.parse(third));
else {
  await countAll(JSON.parse(first), Number(second) || 1);
  process.exit();
}
