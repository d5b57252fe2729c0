import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Identity, issue } from '../../helpers/certificates.ts';
import { type Effort, inTurns, type Listener, makeRow } from '../measure.ts';

interface Row {
  readonly name: string;
  readonly kind: string;
  /** Bytes of the file that is served, or of what is made up. */
  readonly length?: number | undefined;
  /** How often in a round. */
  readonly count: number;
  readonly goal: number;
  /** Which of the two is under ktls/register, and measured. The other is node:tls. */
  readonly measured?: 'serve' | 'ask';
}

/** What applications do as they are, with node:tls and under ktls/register: processor time of the process that is measured. */
export async function applications(listener: Listener, effort: Effort): Promise<void> {
  const identity = await issue(undefined, { names: ['localhost'] });
  const folder = mkdtempSync(join(tmpdir(), 'ktls-bench-'));
  try {
    for (const row of rows) await compare(row, { identity, folder }, listener, effort);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const rows: readonly Row[] = [
  { name: 'express, file of 256 MiB', kind: 'static', length: 256 << 20, count: 1, goal: 0.45 },
  { name: 'express, file of 1 MiB', kind: 'static', length: 1 << 20, count: 100, goal: 0.6 },
  { name: 'express, file of 16 KiB', kind: 'static', length: 16 << 10, count: 500, goal: 0.9 },
  { name: 'express, file of 1 KiB', kind: 'static', length: 1 << 10, count: 500, goal: 1 },
  { name: 'file of 32 MiB by gzip', kind: 'gzip', length: 32 << 20, count: 1, goal: 0.95 },
  { name: '64 KiB writes to a slow reader, 64 MiB', kind: 'slow', length: 64 << 20, count: 1, goal: 0.95 },
  { name: 'HTTP/2, 64 KiB', kind: 'http2', length: 65_536, count: 500, goal: 0.95 },
  { name: 'HTTP/2, 100 B', kind: 'http2', length: 100, count: 2000, goal: 0.95 },
  { name: 'grpc-js, unary', kind: 'grpc', count: 1000, goal: 1 },
  { name: 'ws, echo of 1 KiB', kind: 'ws', count: 2000, goal: 0.95 },
  { name: 'undici as client, 64 MiB', kind: 'undici', length: 64 << 20, count: 1, goal: 0.95, measured: 'ask' },
];

interface Place {
  readonly identity: Identity;
  readonly folder: string;
}

async function compare(row: Row, place: Place, listener: Listener, { scale, rounds }: Effort): Promise<void> {
  const { name, count, goal, measured = 'serve' } = row;
  // Where it is only tried out, less is sent.
  const length = row.length && Math.ceil(row.length * Math.min(1, scale * 10));
  const file = join(place.folder, `${length}.bin`);
  if (length) writeFileSync(file, randomBytes(length));
  const times = Math.max(1, Math.ceil(count * scale));
  const pairs: Record<string, Pair> = {};
  try {
    for (const [subject, isOurs] of [
      ['register', true],
      ['node:tls', false],
    ] as const)
      pairs[subject] = await startPair({ ...row, length }, { ...place, file, isOurs });
    const samples = await inTurns(
      pairs,
      warmUps + rounds,
      async (pair) => ({ figure: (await pair.round(times))[measured] / times }),
      (round) => listener.progress(`${name}: round ${round - warmUps} of ${rounds}`),
    );
    for (const all of Object.values(samples)) all.splice(0, warmUps);
    listener.row(makeRow({ name, unit: 'ms', better: 'less', goals: { register: { ratio: goal } }, samples }));
  } finally {
    for (const { end } of Object.values(pairs)) end();
    if (length) rmSync(file);
  }
}

interface Pair {
  /** Milliseconds of processor time of either side. */
  readonly round: (count: number) => Promise<Readonly<Record<'serve' | 'ask', number>>>;
  readonly end: () => void;
}

async function startPair(
  { kind, length, measured = 'serve' }: Row,
  { identity, file, isOurs }: Place & { readonly file: string; readonly isOurs: boolean },
): Promise<Pair> {
  const flags = (role: 'serve' | 'ask'): string[] => (isOurs && role === measured ? ['--import', register] : []);
  const server = await start('serve', kind, { ...identity, file, length }, flags('serve'));
  const client = await start('ask', kind, { port: server.told, ca: identity.cert }, flags('ask'));
  const round = async (count: number): Promise<Record<'serve' | 'ask', number>> => {
    await tell(server.child, 0);
    const ask = await tell(client.child, count);
    return { serve: await tell(server.child, 0), ask };
  };
  const end = (): void => {
    client.child.kill();
    server.child.kill();
  };
  return { round, end };
}

async function start(
  role: string,
  kind: string,
  options: object,
  flags: readonly string[],
): Promise<{ readonly child: ChildProcess; readonly told: number }> {
  const execArgv = ['--no-warnings', ...flags];
  const child = fork(program, [role, kind, JSON.stringify(options)], { execArgv });
  return { child, told: await answer(child) };
}

async function tell(child: ChildProcess, count: number): Promise<number> {
  const answered = answer<{ readonly processor: number }>(child);
  child.send({ count });
  return (await answered).processor;
}

/** The next message of a process, unless it ends. */
async function answer<Answer>(child: ChildProcess): Promise<Answer> {
  const gone = new AbortController();
  const onExit = (): void => gone.abort(new Error(`${child.spawnargs.slice(-3, -1).join(' ')} ended`));
  child.once('exit', onExit);
  try {
    const [told] = await once(child, 'message', { signal: gone.signal });
    return told;
  } finally {
    child.off('exit', onExit);
  }
}

const program = fileURLToPath(new URL('work.mjs', import.meta.url));
const register = new URL('../../../dist/register.js', import.meta.url).href;
/** Until V8 has compiled what is measured. */
const warmUps = 4;
