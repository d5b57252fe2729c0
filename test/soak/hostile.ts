import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { selfSigned } from '../../src/cli/self-signed.ts';
import { table } from '../bench/tables.ts';
import { type Cost, type Kind, kinds, type PeersOrder, type SubjectOrder } from './hostile-kinds.ts';

/** What one peer of a kind costs. */
interface Figures {
  /** KB of memory. */
  readonly memory: number;
  /** Milliseconds: of the processor, and the longest stop of the event loop that all of them caused. */
  readonly processor: number;
  readonly longestStop: number;
}

type Measured = Readonly<Record<Implementation, Figures>>;
type Implementation = 'ktls' | 'node:tls';

interface Judgement {
  readonly measured: Measured;
  /** What passed its bound, in words. */
  readonly beyond: string[];
}

const attempts = 3;

/**
 * Peers that mean no good, so many of each kind, against a process of ours and then one of node:tls. Resolves to what was wrong. `judgesStops`:
 * whether a long stop of the event loop is; it is by the clock, so only where nothing else runs.
 */
export async function runHostile(peers: number, only: readonly string[], judgesStops: boolean): Promise<string[]> {
  const judged = names.filter((figure) => judgesStops || figure !== 'longestStop');
  const rows: string[][] = [];
  const wrong: string[] = [];
  for (const kind of kinds.filter(({ name }) => only.length === 0 || only.includes(name))) {
    const { measured, beyond } = await judge(kind, peers, judged);
    rows.push(row(kind, measured));
    wrong.push(...beyond);
  }
  const title = `${peers} of each kind`;
  const heads = names.flatMap((name) => [`${titles[name]}, ktls`, 'node:tls']);
  console.log(`\n${table([['peer', title, ...heads], ...rows])}\n`);
  return wrong;
}

/**
 * Measures both, and again where a bound was passed: what a peer makes us do costs that every time, what else the machine does, the system's
 * buffers and a collection at the wrong moment do not.
 */
async function judge(kind: Kind, peers: number, judged: readonly Figure[]): Promise<Judgement> {
  for (let attempt = 1; ; attempt++) {
    const measured = { ktls: await measure('ktls', kind, peers), 'node:tls': await measure('node:tls', kind, peers) };
    console.log(`hostile: ${kind.name}: ${JSON.stringify(measured)}`);
    const beyond = beyondBounds(kind, measured, peers, judged);
    if (beyond.length === 0 || attempt === attempts) return { measured, beyond };
  }
}

async function measure(implementation: Implementation, kind: Kind, count: number): Promise<Figures> {
  const identity = JSON.stringify(selfSigned(['localhost']));
  const subject = await start('hostile-server.ts', [implementation, identity, kind.name]);
  const peers = await start('hostile-peers.ts', [identity]);
  try {
    const port = kind.side === 'server' ? subject.ready : Number(await peers.ask({ do: 'listen', kind: kind.name }));
    const attack = async (number: number): Promise<unknown> =>
      kind.side === 'server'
        ? await peers.ask({ do: 'attack', kind: kind.name, port, count: number })
        : await subject.ask({ do: 'connect', port, count: number });
    // The first ones make what all share.
    await attack(Math.max(150, Math.ceil(count / 4)));
    await peers.ask({ do: 'end' });
    const before = cost(await subject.ask({ do: 'begin' }));
    await attack(count);
    const after = cost(await subject.ask({ do: 'count' }));
    return {
      memory: Math.max(0, after.resident - before.resident) / count / 1000,
      processor: after.processor / count,
      longestStop: after.longestStop,
    };
  } finally {
    for (const { child } of [subject, peers]) child.kill();
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly ready: number;
  ask(order: SubjectOrder | PeersOrder): Promise<unknown>;
}

async function start(file: string, words: string[]): Promise<Started> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), words, { execArgv: ['--expose-gc'] });
  const answer = async (): Promise<unknown> => {
    const gone = new AbortController();
    const onExit = (): void => gone.abort(new Error(`${file} ended`));
    child.once('exit', onExit);
    const [told] = await once(child, 'message', { signal: gone.signal });
    child.off('exit', onExit);
    return told;
  };
  const ready = Number(await answer());
  return {
    child,
    ready,
    async ask(order) {
      child.send(order);
      return await answer();
    },
  };
}

function cost(answer: unknown): Cost {
  if (typeof answer !== 'object' || answer === null || !isCost(answer)) throw new Error('no cost was told');
  return answer;
}

function isCost(answer: object): answer is Cost {
  return 'resident' in answer && 'longestStop' in answer && 'processor' in answer;
}

/**
 * Ours may cost twice what node:tls does, or so much: what is little anyway is not measured that well, all memory of a process has grown by
 * some dozens of MB once it has been busy, and on a machine that others use, too, a stop may be theirs. Who does not read is sent as much as
 * the system has room for, which is some MB and not the same each time.
 */
function beyondBounds({ name }: Kind, measured: Measured, peers: number, judged: readonly Figure[]): string[] {
  const negligible: Figures = {
    memory: 64 + 48_000 / peers,
    processor: name === 'not-reading' ? 10 : 3,
    longestStop: 100 + 2 * peers,
  };
  return judged
    .filter((figure) => measured.ktls[figure] > Math.max(2 * measured['node:tls'][figure], negligible[figure]))
    .map((figure) => `${name}: ${figure} ${measured.ktls[figure]}, node:tls ${measured['node:tls'][figure]}`);
}

function row({ name, about }: Kind, measured: Measured): string[] {
  return [
    name,
    about,
    ...names.flatMap((figure) => both.map((one) => measured[one][figure].toFixed(figure === 'longestStop' ? 0 : 1))),
  ];
}

const both: readonly Implementation[] = ['ktls', 'node:tls'];
type Figure = keyof Figures;
const names: readonly Figure[] = ['memory', 'processor', 'longestStop'];
const titles: Readonly<Record<Figure, string>> = {
  memory: 'KB each',
  processor: 'ms of the processor each',
  longestStop: 'longest stop, ms',
};
