import { fork } from 'node:child_process';
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { type Identity, issue, type KeyKind } from '../helpers/certificates.ts';
import { type ContenderName, contenders, nodes, type Suite } from './contenders.ts';
import { type Effort, type Goal, inTurns, type Listener, makeRow, warmUps } from './measure.ts';
import { ask } from './orders.ts';

interface Kind {
  readonly name: string;
  readonly key: KeyKind;
  readonly suite: Suite;
  readonly goal: number;
  readonly resumes?: boolean;
  /** Also tells how long the event loop was held up. */
  readonly delays?: boolean;
}

/** What a connection costs its server, whose clients are node:tls in another process: so much processor time, and so long the event loop is held up. */
export async function accepting(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const count = Math.ceil(400 * scale);
  for (const kind of kinds) {
    const identity = await issue(undefined, { keyKind: kind.key });
    const names: readonly ContenderName[] = ['native', 'one thread', 'node:tls'];
    const pairs = Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await pairOf(name, identity, kind)] as const)),
    );
    try {
      const measured = await inTurns(
        pairs,
        warmUps + rounds,
        (pair) => pair.round(count),
        (round) => listener.progress(`${kind.name}: round ${round - warmUps} of ${rounds}`),
      );
      const row = (
        name: string,
        unit: string,
        goal: Goal | undefined,
        figure: (one: Round) => number,
        others: Readonly<Record<string, Goal>> = {},
      ): void => {
        const samples = Object.entries(measured).map(([subject, all]) => [
          subject,
          all.slice(warmUps).map((one) => ({ figure: figure(one) })),
        ]);
        const goals = { ...(goal && { native: goal }), ...others };
        listener.row(makeRow({ name, unit, better: 'less', samples: Object.fromEntries(samples), goals }));
      };
      row(`server's part of a connection, ${kind.name}`, 'ms', { ratio: kind.goal }, ({ processor }) => processor);
      row(`main thread's part of a connection, ${kind.name}`, 'ms', undefined, ({ thread }) => thread, {
        'one thread': { ratio: 0.7 },
      });
      if (kind.delays) row('the longest of 100 turns, 8 clients', 'ms', { ratio: 1 }, ({ delay }) => delay);
    } finally {
      for (const { end } of Object.values(pairs)) end();
    }
  }
}

const kinds: readonly Kind[] = [
  { name: 'TLS 1.3, P-256', key: 'ecdsa', suite: { version: 'TLSv1.3' }, goal: 1.15, delays: true },
  { name: 'TLS 1.2, RSA-2048', key: 'rsa', suite: { version: 'TLSv1.2' }, goal: 1.1 },
  { name: 'TLS 1.3 resumed', key: 'ecdsa', suite: { version: 'TLSv1.3' }, goal: 1.2, resumes: true },
  { name: 'TLS 1.2 resumed', key: 'ecdsa', suite: { version: 'TLSv1.2' }, goal: 1.3, resumes: true },
];

/** Milliseconds: of processor time for a connection, of that the main thread's, and the 99th percentile of what the event loop was late by. */
interface Round {
  readonly processor: number;
  readonly thread: number;
  readonly delay: number;
}

interface Pair {
  readonly round: (count: number) => Promise<Round>;
  readonly end: () => void;
}

/** A server and its clients, a process each. */
async function pairOf(name: ContenderName, identity: Identity, kind: Kind): Promise<Pair> {
  const options = JSON.stringify({ name, identity, kind });
  const server = fork(self, ['accept', options]);
  const [port] = await once(server, 'message');
  const client = fork(self, ['connect', options, `${port}`]);
  await once(client, 'message');
  const round = async (count: number): Promise<Round> => {
    await ask(server, 'start');
    await ask(client, count);
    const { processor, thread, delay } = await ask<Round>(server, 'stop');
    return { processor: processor / count, thread: thread / count, delay };
  };
  const end = (): void => {
    client.kill();
    server.kill();
  };
  return { round, end };
}

interface Options {
  readonly name: ContenderName;
  readonly identity: Identity;
  readonly kind: Kind;
}

async function accept({ name, identity, kind }: Options): Promise<void> {
  const { port } = await contenders[name].listen(identity, kind.suite, (socket) => {
    socket.on('error', () => {});
    socket.resume().end('x');
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let counted = process.cpuUsage();
  let ofThread = process.threadCpuUsage();
  process.on('message', (order) => {
    const { user, system } = process.cpuUsage(counted);
    const main = process.threadCpuUsage(ofThread);
    const told: Round = {
      processor: (user + system) / 1000,
      thread: (main.user + main.system) / 1000,
      delay: delay.percentile(99) / 1e6,
    };
    if (order === 'start') {
      delay.reset();
      delay.enable();
    } else delay.disable();
    counted = process.cpuUsage();
    ofThread = process.threadCpuUsage();
    process.send?.(told);
  });
  process.send?.(port);
}

/** Opens connections, eight at a time. A server that ends at once has sent its tickets before that. */
function connect({ identity, kind }: Options, port: number): void {
  const open = nodes.connector(identity, kind.suite);
  const sessions: Buffer[] = [];
  const one = async (): Promise<void> => {
    const session = kind.resumes ? sessions.shift() : undefined;
    const socket = open(port, session && { session });
    let told: Buffer | undefined;
    socket.on('session', (ticket: Buffer) => {
      told = ticket;
    });
    const closed = once(socket, 'close');
    socket.resume();
    await once(socket, nodes.ready);
    if (session && Reflect.apply(Reflect.get(socket, 'isSessionReused'), socket, []) !== true)
      throw new Error('the server did not resume');
    await closed;
    if (told ?? session) sessions.push(told ?? session ?? Buffer.alloc(0));
  };
  process.on('message', async (count: number) => {
    let left = count;
    const clients = Array.from({ length: 8 }, async () => {
      while (left-- > 0) await one();
    });
    await Promise.all(clients);
    process.send?.({});
  });
  process.send?.({});
}

const self = fileURLToPath(import.meta.url);
const [, , role, options = '', port] = process.argv;
if (role === 'accept') await accept(JSON.parse(options));
if (role === 'connect') connect(JSON.parse(options), Number(port));
