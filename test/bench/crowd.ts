import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type net from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Identity, issue } from '../helpers/certificates.ts';
import { connectionContenders, contenders, nodes } from './contenders.ts';
import { type Effort, type Goal, inTurns, type Listener, makeRow, type Sample } from './measure.ts';

/** What thousands of connections cost a server: memory, and whether each is as cheap as it is among few. Clients are in another process. */
export async function crowd(listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const identity = await issue(undefined);
  const many = Math.min(Math.ceil(5000 * scale), openFileLimit() - reservedFiles);
  const names = connectionContenders();
  const told = await inTurns(Object.fromEntries(names.map((name) => [name, name])), 1, async (name) => {
    listener.progress(`${many} connections to ${name}`);
    return await measureOne(name, identity, many, rounds);
  });
  const samples = (of: (one: Crowd) => readonly number[]): Record<string, Sample[]> =>
    Object.fromEntries(
      Object.entries(told).map(([name, crowds]) => [name, crowds.flatMap(of).map((figure) => ({ figure }))]),
    );
  const less = { better: 'less' } as const;
  const goals = { native: { figure: 1.1 }, kernel: { figure: 1.1 } } satisfies Record<string, Goal>;
  listener.row(
    makeRow({
      ...less,
      name: `memory of an idle server connection, ${many}`,
      unit: 'KB',
      goals: { native: { figure: 40 }, kernel: { figure: 20 } },
      samples: samples(({ kilobytes }) => [kilobytes]),
    }),
  );
  const compared = `${many} connections against ${fewOf(many)}`;
  listener.row(
    makeRow({
      ...less,
      name: `opening one, ${compared}`,
      unit: '×',
      goals,
      samples: samples(({ opening }) => [opening]),
    }),
  );
  listener.row(
    makeRow({ ...less, name: `using one, ${compared}`, unit: '×', goals, samples: samples(({ using }) => using) }),
  );
}

interface Crowd {
  readonly kilobytes: number;
  /** Processor time among many by that among few. */
  readonly opening: number;
  readonly using: readonly number[];
}

async function measureOne(name: string, identity: Identity, many: number, rounds: number): Promise<Crowd> {
  const self = fileURLToPath(import.meta.url);
  const server = fork(self, ['server', name, JSON.stringify(identity)], { execArgv: ['--expose-gc'] });
  const [port] = await once(server, 'message');
  const client = fork(self, ['client', `${port}`, JSON.stringify(identity)]);
  await once(client, 'message');
  try {
    const cost = async (order: ClientOrder, units: number): Promise<number> => {
      await ask(server, { do: 'count' });
      await ask(client, order);
      return (await ask(server, { do: 'count' })) / units;
    };
    const few = fewOf(many);
    const group = Math.ceil(many / 10);
    const echoes = { do: 'echo', count: many } as const;
    // The first ones load and warm up what all share.
    await ask(client, { do: 'open', count: group });
    await ask(client, echoes);
    await ask(client, { do: 'close', count: group });
    await ask(client, { do: 'open', count: few });
    await ask(client, echoes);
    const amongFew: number[] = [];
    for (let round = 0; round < rounds; round++) amongFew.push(await cost(echoes, many));
    const openedEarly = await cost({ do: 'open', count: group }, group);
    const before = await ask(server, { do: 'memory' });
    await ask(client, { do: 'open', count: many - few - 2 * group });
    const openedLate = await cost({ do: 'open', count: group }, group);
    const after = await ask(server, { do: 'memory' });
    const using: number[] = [];
    for (let round = 0; round < rounds; round++)
      using.push((await cost(echoes, many)) / (amongFew[round] ?? Number.NaN));
    return { kilobytes: (after - before) / (many - few - group) / 1000, opening: openedLate / openedEarly, using };
  } finally {
    client.kill();
    server.kill();
  }
}

type ClientOrder = { readonly do: 'open' | 'close' | 'echo'; readonly count: number };
type ServerOrder = { readonly do: 'count' | 'memory' };

async function ask(child: ChildProcess, order: ClientOrder | ServerOrder): Promise<number> {
  const gone = new AbortController();
  const onExit = (): void => gone.abort();
  child.once('exit', onExit);
  child.send(order);
  const [value] = await once(child, 'message', { signal: gone.signal });
  child.off('exit', onExit);
  if (typeof value !== 'number')
    throw new Error(`${child.spawnargs.join(' ').slice(0, 100)} answered nothing to ${order.do}`);
  return value;
}

/** `count`: microseconds on a processor since the last time. */
async function beServer(name: string, identity: Identity): Promise<void> {
  const contender = Object.values(contenders).find((one) => one.name === name) ?? nodes;
  const { port } = await contender.listen(identity, { version: 'TLSv1.3' }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (part: Buffer) => socket.write(part));
  });
  let counted = process.cpuUsage();
  process.on('message', async (order: ServerOrder) => {
    if (order.do === 'memory') process.send?.(await settledMemory());
    else {
      const { user, system } = process.cpuUsage(counted);
      counted = process.cpuUsage();
      process.send?.(user + system);
    }
  });
  process.send?.(port);
}

async function echo(socket: net.Socket): Promise<void> {
  socket.write(message);
  await once(socket, 'data');
}

function beClient(port: number, identity: Identity): void {
  const connect = nodes.connector(identity, { version: 'TLSv1.3' });
  const open: net.Socket[] = [];
  const works: Readonly<Record<ClientOrder['do'], (count: number) => Promise<void>>> = {
    async open(count) {
      for (let i = 0; i < count; i++) {
        const socket = connect(port);
        await once(socket, nodes.ready);
        open.push(socket);
        // Its session tickets have come by then.
        await echo(socket);
      }
    },
    async close(count) {
      for (const socket of open.splice(0, count)) {
        const closed = once(socket, 'close');
        socket.end();
        socket.resume();
        await closed;
      }
    },
    async echo(count) {
      for (let i = 0; i < count; i++) {
        const socket = open[i % open.length];
        if (!socket) throw new Error('no connection is open');
        await echo(socket);
      }
    },
  };
  process.on('message', async ({ do: work, count }: ClientOrder) => {
    await works[work](count);
    process.send?.(open.length);
  });
  process.send?.(0);
}

async function settledMemory(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    globalThis.gc?.();
  }
  return process.memoryUsage.rss();
}

/** Node.js raises the soft limit to the hard one. */
function openFileLimit(): number {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY;
  const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}

function fewOf(many: number): number {
  return Math.ceil(many / 50);
}

const reservedFiles = 200;
const message = Buffer.alloc(64, 1);

const [, , role, subject = '', identity = '{}'] = process.argv;
if (role === 'server') await beServer(subject, JSON.parse(identity));
if (role === 'client') beClient(Number(subject), JSON.parse(identity));
