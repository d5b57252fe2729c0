import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import type { Count } from './kernel/count.ts';
import type { Row } from './measure.ts';

/** What was measured last, by part; parts can be measured one by one. */
export interface Results {
  readonly machine?: Machine;
  readonly parts: Readonly<Record<string, readonly Row[]>>;
  /** Of the emulated machine. */
  readonly counts?: readonly Count[];
}

export interface Machine {
  /** The share of the work that was done. */
  readonly scale: number;
  readonly node: string;
  readonly kernel: string;
  readonly processor: string;
}

export function thisMachine(): Omit<Machine, 'scale'> {
  const all = cpus();
  return {
    node: process.version,
    kernel: `${process.platform} ${release()}`,
    processor: `${all.length} × ${all[0]?.model.trim() ?? process.arch}`,
  };
}

export function readResults(): Results {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { parts: {} };
    throw error;
  }
}

/** Keeps what was measured before of other parts. */
export function saveResults(newer: Partial<Results>): Results {
  const older = readResults();
  const results = { ...older, ...newer, parts: { ...older.parts, ...newer.parts } };
  mkdirSync(new URL('./', file), { recursive: true });
  writeFileSync(file, JSON.stringify(results, null, 1));
  return results;
}

/** Not as they happened to be measured. */
export function inOrder(parts: Results['parts']): [name: string, rows: readonly Row[]][] {
  const place = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return Object.entries(parts).toSorted(([a], [b]) => place(a) - place(b));
}

/** Rows of the same name in one: a layer that needs a process of its own beside the others. */
export function joined(rows: readonly Row[]): Row[] {
  const names = new Set(rows.map(({ name }) => name));
  return [...names].map((name) => {
    const [first, ...more] = rows.filter((row) => row.name === name);
    if (!first) throw new Error(`there is no row ${name}`);
    const known = new Set(first.subjects.map(({ contender }) => contender));
    const added = more.flatMap(({ subjects }) => subjects.filter(({ contender }) => !known.has(contender)));
    return { ...first, subjects: [...first.subjects, ...added] };
  });
}

const order = [
  'bulk',
  'ping-pong',
  'requests',
  'portable',
  'handshakes',
  'accepting',
  'applications',
  'first-byte',
  'crowd',
  'cold',
  'kernel',
  'heap',
];

const file = new URL('../../build/bench/results.json', import.meta.url);
