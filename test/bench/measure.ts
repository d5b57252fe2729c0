import { randomInt } from 'node:crypto';

/** One thing measured, of two contenders side by side. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  /** The share of node:tls's figure that is aimed at; with `lessIsBetter`, a figure of its own. */
  readonly goal: number;
  readonly lessIsBetter: boolean;
  /** Medians. */
  readonly ours: number;
  readonly theirs: number;
  /** Ours by theirs: median, least and most of the rounds' ratios. */
  readonly ratio: number;
  readonly least: number;
  readonly most: number;
  /** The same by the processor's time, which other programs disturb less. */
  readonly processorRatio: number | undefined;
}

/** Work that has been done, in the unit of the row: rates are made of it. */
type Run = () => Promise<number>;

export interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly goal: number;
  readonly ours: Run;
  readonly theirs: Run;
  readonly rounds?: number;
}

/** Runs both in turns, in random order in each round: what slows the machine down for a while slows down both. */
export async function compare({ name, unit, goal, ours, theirs, rounds = 5 }: Comparison): Promise<Row> {
  await timed(ours);
  await timed(theirs);
  const measured: { our: Rates; their: Rates }[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = randomInt(2) === 0;
    const early = await timed(first ? ours : theirs);
    const late = await timed(first ? theirs : ours);
    measured.push(first ? { our: early, their: late } : { our: late, their: early });
  }
  const ratios = measured.map(({ our, their }) => our.wall / their.wall);
  return {
    name,
    unit,
    goal,
    lessIsBetter: false,
    ours: median(measured.map(({ our }) => our.wall)),
    theirs: median(measured.map(({ their }) => their.wall)),
    ratio: median(ratios),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
    processorRatio: median(measured.map(({ our, their }) => our.processor / their.processor)),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

interface Rates {
  readonly wall: number;
  readonly processor: number;
}

/** The run's work by the second, and by the second of this process's own time on a processor. */
async function timed(run: Run): Promise<Rates> {
  globalThis.gc?.();
  const processor = process.cpuUsage();
  const start = performance.now();
  const work = await run();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(processor);
  return { wall: work / seconds, processor: work / ((user + system) / 1e6) };
}
