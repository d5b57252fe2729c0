import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgresql } from '../../applications/services.ts';
import { type Identity, issue } from '../../helpers/certificates.ts';
import { makeIdentityFiles } from '../../interop/identity-files.ts';
import { type Effort, inTurns, type Listener, makeRow } from '../measure.ts';
import { memory } from './memory.ts';
import { collect, startWorker, tell } from './processes.ts';

interface Row {
  readonly name: string;
  readonly kind: string;
  /** Bytes of the file that is served, or of what is made up. */
  readonly length?: number | undefined;
  /** How often in a round. */
  readonly count: number;
  readonly goal: number;
  /** Rounds that do not count, until V8 has compiled what is measured: what is done seldom in a round, or is soon done, takes more of them. */
  readonly warmUps?: number;
  /** What the rounds that count are multiplied by, where they are short: these differ more. */
  readonly repeats?: number;
  /** Which of the two is under ktls/register, and measured. The other is node:tls. */
  readonly measured?: 'serve' | 'ask';
}

/** What applications do as they are, with node:tls and under ktls/register: processor time of the process that is measured. */
export async function applications(listener: Listener, effort: Effort): Promise<void> {
  const identity = await issue(undefined, { names: ['localhost'] });
  const folder = mkdtempSync(join(tmpdir(), 'ktls-bench-'));
  try {
    const place = { identity, ca: identity.cert, folder };
    for (const row of rows) await compare(row, place, listener, effort);
    await database(place, listener, effort);
    await memory(place, listener, effort);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const rows: readonly Row[] = [
  { name: 'express, file of 256 MiB', kind: 'static', length: 256 << 20, count: 1, goal: 0.45 },
  { name: 'express, file of 1 MiB', kind: 'static', length: 1 << 20, count: 100, goal: 0.6 },
  { name: 'express, file of 16 KiB', kind: 'static', length: 16 << 10, count: 500, goal: 0.9, warmUps: 16, repeats: 5 },
  { name: 'express, file of 1 KiB', kind: 'static', length: 1 << 10, count: 500, goal: 1, warmUps: 16, repeats: 5 },
  { name: 'koa-send, file of 256 MiB', kind: 'koa', length: 256 << 20, count: 1, goal: 0.45 },
  { name: 'koa-send, file of 1 MiB', kind: 'koa', length: 1 << 20, count: 100, goal: 0.6 },
  { name: 'fastify static, file of 256 MiB', kind: 'fastify', length: 256 << 20, count: 1, goal: 0.45 },
  { name: 'fastify static, file of 1 MiB', kind: 'fastify', length: 1 << 20, count: 100, goal: 0.6 },
  {
    name: 'fastify static, file of 16 KiB',
    kind: 'fastify',
    length: 16 << 10,
    count: 500,
    goal: 0.9,
    warmUps: 16,
    repeats: 5,
  },
  {
    name: 'fastify static, file of 1 KiB',
    kind: 'fastify',
    length: 1 << 10,
    count: 500,
    goal: 1,
    warmUps: 16,
    repeats: 5,
  },
  { name: 'file of 32 MiB by gzip', kind: 'gzip', length: 32 << 20, count: 1, goal: 0.95, warmUps: 12 },
  {
    name: '64 KiB writes to a slow reader, 16 MiB',
    kind: 'slow',
    length: 16 << 20,
    count: 1,
    goal: 0.95,
    warmUps: 16,
    repeats: 3,
  },
  { name: 'HTTP/2, 64 KiB', kind: 'http2', length: 65_536, count: 500, goal: 0.95, warmUps: 16, repeats: 5 },
  { name: 'HTTP/2, 100 B', kind: 'http2', length: 100, count: 2000, goal: 0.95, warmUps: 16, repeats: 5 },
  { name: 'grpc-js, unary', kind: 'grpc', count: 1000, goal: 1, warmUps: 16, repeats: 5 },
  { name: 'ws, echo of 1 KiB', kind: 'ws', count: 2000, goal: 0.95, warmUps: 16, repeats: 5 },
  {
    name: 'undici as client, 64 MiB',
    kind: 'undici',
    length: 64 << 20,
    count: 1,
    goal: 0.95,
    warmUps: 16,
    repeats: 5,
    measured: 'ask',
  },
];

const copy: Row = {
  name: 'pg as client, COPY of 64 MiB',
  kind: 'pg',
  length: 64 << 20,
  count: 1,
  goal: 0.95,
  warmUps: 16,
  repeats: 5,
  measured: 'ask',
};

/** A client of PostgreSQL, where that is unpacked (`node setup/run.mjs peers`). */
async function database(place: Place, listener: Listener, effort: Effort): Promise<void> {
  const files = await makeIdentityFiles();
  try {
    const service = await started(() => startPostgresql(files));
    if (service === undefined) return listener.progress('no PostgreSQL');
    try {
      await compare(copy, { ...place, ca: files.ca, port: service.port }, listener, effort);
    } finally {
      await service.stop();
    }
  } finally {
    files.remove();
  }
}

/** Undefined: it is not there. */
async function started<T>(start: () => Promise<T>): Promise<T | undefined> {
  try {
    return await start();
  } catch {
    return undefined;
  }
}

interface Place {
  readonly identity: Identity;
  /** Who has issued the server's certificate. */
  readonly ca: string;
  readonly folder: string;
  /** Of a server that is none of ours. */
  readonly port?: number;
}

async function compare(row: Row, place: Place, listener: Listener, effort: Effort): Promise<void> {
  const { name, count, goal, measured = 'serve', warmUps = 4, repeats = 1 } = row;
  const { scale } = effort;
  const rounds = effort.rounds * repeats;
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
  { kind, length, measured = 'serve', warmUps = 4 }: Row,
  { identity, ca, port, file, isOurs }: Place & { readonly file: string; readonly isOurs: boolean },
): Promise<Pair> {
  const ours = (role: 'serve' | 'ask'): boolean => isOurs && role === measured;
  const server = await startWorker(program, ['serve', kind, { ...identity, file, length, port }], ours('serve'));
  const client = await startWorker(program, ['ask', kind, { port: server.told, ca, length }], ours('ask'));
  let before = warmUps;
  const round = async (count: number): Promise<Record<'serve' | 'ask', number>> => {
    if (before-- === 0) for (const worker of [server, client]) await collect(worker);
    await tell(server, 0);
    const ask = (await tell(client, count)).processor;
    return { serve: (await tell(server, 0)).processor, ask };
  };
  const end = (): void => {
    client.child.kill();
    server.child.kill();
  };
  return { round, end };
}

const program = fileURLToPath(new URL('work.mjs', import.meta.url));
