import { fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Identity, issue } from '../helpers/certificates.ts';
import { type ContenderName, contenders, nodes, type Suite } from './contenders.ts';
import { type Effort, inTurns, type Listener, makeRow, warmUps } from './measure.ts';
import { ask } from './orders.ts';

/**
 * What becomes of those who are served while so many handshakes a second arrive: how long the server's event loop is held up, and how many
 * messages it answers on connections that it keeps. Clients are node:tls in processes of their own.
 */
export async function storm(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const identity = await issue(undefined, { keyKind: 'ecdsa' });
  const milliseconds = Math.ceil(2000 * scale);
  const names: readonly ContenderName[] = ['native', 'one thread', 'two threads', 'node:tls'];
  const places = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await placeOf(name, identity, milliseconds)] as const)),
  );
  try {
    for (const rate of rates) {
      const what = `${rate} handshakes a second`;
      const measured = await inTurns(
        places,
        warmUps + rounds,
        (place) => place.round(rate),
        (round) => listener.progress(`${what}: round ${round - warmUps} of ${rounds}`),
      );
      const row = (name: string, unit: string, better: 'more' | 'less', figure: (one: Round) => number): void => {
        const samples = Object.entries(measured).map(([subject, all]) => [
          subject,
          all.slice(warmUps).map((one) => ({ figure: figure(one) })),
        ]);
        const point = { of: name, at: rate, by: 'handshakes a second' };
        listener.row(makeRow({ name: `${what}: ${name}`, unit, better, point, samples: Object.fromEntries(samples) }));
      };
      row('the longest of 100 turns', 'ms', 'less', ({ delay }) => delay);
      row('messages answered', 'a second', 'more', ({ answered }) => answered);
      row('resident memory', 'MiB', 'less', ({ resident }) => resident);
    }
  } finally {
    for (const { end } of Object.values(places)) end();
  }
}

const rates = [0, 100, 250, 500] as const;
/** Connections that are kept, with one message under way on each. */
const kept = 4;

/** Milliseconds, and messages a second. */
interface Round {
  /** The 99th percentile of the time between two turns of a timer of 1 ms. */
  readonly delay: number;
  readonly answered: number;
  /** MiB of the server. */
  readonly resident: number;
}

interface Place {
  readonly round: (rate: number) => Promise<Round>;
  readonly end: () => void;
}

interface Options {
  readonly name: ContenderName;
  readonly identity: Identity;
  readonly milliseconds: number;
}

/** A server, who keeps connections to it, and who opens others. */
async function placeOf(name: ContenderName, identity: Identity, milliseconds: number): Promise<Place> {
  const options = JSON.stringify({ name, identity, milliseconds });
  const server = fork(self, ['serve', options]);
  const [port] = await once(server, 'message');
  const [keeper, opener] = ['keep', 'open'].map((role) => fork(self, [role, options, `${port}`]));
  if (!keeper || !opener) throw new Error('there are no clients');
  await Promise.all([keeper, opener].map((client) => once(client, 'message')));
  const round = async (rate: number): Promise<Round> => {
    await ask(server, 'start');
    const [answered] = await Promise.all([ask<number>(keeper, 0), ask(opener, rate)]);
    const told = await ask<Pick<Round, 'delay' | 'resident'>>(server, 'stop');
    return { ...told, answered: (answered * 1000) / milliseconds };
  };
  const end = (): void => {
    for (const child of [keeper, opener, server]) child.kill();
  };
  return { round, end };
}

async function serve({ name, identity }: Options): Promise<void> {
  const { port } = await contenders[name].listen(identity, suite, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => socket.write(bytes));
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  process.on('message', (order) => {
    process.send?.({ delay: delay.percentile(99) / 1e6, resident: process.memoryUsage.rss() / 2 ** 20 });
    if (order === 'start') {
      delay.reset();
      delay.enable();
    } else delay.disable();
  });
  process.send?.(port);
}

/** Answers how many messages came back. */
function keep({ identity, milliseconds }: Options, port: number): void {
  const open = nodes.connector(identity, suite);
  const sockets = Array.from({ length: kept }, () => open(port));
  const message = Buffer.alloc(64);
  let answered = 0;
  let isOver = true;
  for (const socket of sockets) {
    socket.setNoDelay();
    socket.on('data', () => {
      answered++;
      if (!isOver) socket.write(message);
    });
  }
  process.on('message', async () => {
    answered = 0;
    isOver = false;
    for (const socket of sockets) socket.write(message);
    await setTimeout(milliseconds);
    isOver = true;
    process.send?.(answered);
  });
  void Promise.all(sockets.map((socket) => once(socket, nodes.ready))).then(() => process.send?.(0));
}

/** Opens so many connections a second, however long each takes. */
function openMany({ identity, milliseconds }: Options, port: number): void {
  const open = nodes.connector(identity, suite);
  const one = async (): Promise<void> => {
    const socket = open(port);
    const closed = once(socket, 'close');
    await once(socket, nodes.ready);
    socket.resume().end();
    await closed;
  };
  process.on('message', async (rate: number) => {
    const start = performance.now();
    const all: Promise<void>[] = [];
    for (let passed = 0; passed < milliseconds; passed = performance.now() - start) {
      while (all.length < (passed * rate) / 1000) all.push(one());
      await setTimeout(1);
    }
    await Promise.all(all);
    process.send?.(0);
  });
  process.send?.(0);
}

const suite: Suite = { version: 'TLSv1.3' };
const self = fileURLToPath(import.meta.url);
const [, , role, options = '', port] = process.argv;
if (role === 'serve') await serve(JSON.parse(options));
if (role === 'keep') keep(JSON.parse(options), Number(port));
if (role === 'open') openMany(JSON.parse(options), Number(port));
