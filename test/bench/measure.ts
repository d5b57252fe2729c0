import { randomInt } from 'node:crypto';

/** One thing measured, of several contenders side by side. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  readonly subjects: readonly Subject[];
  readonly point?: Point;
}

/** Where a row is on a curve: of what, at how much of what. */
interface Point {
  readonly of: string;
  readonly at: number;
  readonly by: string;
}

/** One contender's figures. */
export interface Subject {
  readonly contender: string;
  readonly figure: Spread;
  /** By the baseline's figure in the same round; undefined of the baseline itself. */
  readonly ratio?: Spread;
  /** The same by the time that the process, or its main thread alone, was on a processor: other programs disturb these less. */
  readonly processorRatio?: Spread;
  readonly threadRatio?: Spread;
  readonly goal?: Goal;
}

/** What is aimed at: a share of the baseline, or a figure in the row's unit. At least or at most, as the row's `better` says. */
export type Goal = { readonly ratio: number } | { readonly figure: number };

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** A round of one contender. */
export interface Sample {
  readonly figure: number;
  /** In place of `figure`, if the time taken were only the processor's. */
  readonly processor?: number;
  readonly thread?: number;
}

/** How much is to be done: `rounds` of everything, and a share of the work as published. */
export interface Effort {
  readonly rounds: number;
  readonly scale: number;
}

/** Where a part of the benchmarks tells what it has, and what it is at. */
export interface Listener {
  row(row: Row): void;
  progress(text: string): void;
}

/** Rounds that do not count. V8 takes that long to compile what is measured, WebAssembly included, whose second compiler runs beside it. */
export const warmUps = 3;

export interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly goals?: Readonly<Record<string, Goal>>;
  readonly rounds: number;
}

/** Work by the second: each subject does it once and resolves to what that took. */
export async function compareRates(
  subjects: Readonly<Record<string, () => Promise<Timed>>>,
  { name, unit, goals = {}, rounds }: Comparison,
  listener: Listener,
): Promise<void> {
  const samples = await inTurns(
    subjects,
    warmUps + rounds,
    async (run) => rate(await run()),
    (round) => listener.progress(`${name}: round ${round - warmUps} of ${rounds}`),
  );
  const counted = Object.entries(samples).map(([subject, all]) => [subject, all.slice(warmUps)] as const);
  listener.row(makeRow({ name, unit, better: 'more', samples: Object.fromEntries(counted), goals }));
}

/** All contenders in each round, in random order: what slows the machine down for a while slows down all of them. */
export async function inTurns<T, R>(
  subjects: Readonly<Record<string, T>>,
  rounds: number,
  measure: (subject: T, name: string) => Promise<R>,
  onRound: (round: number) => void = () => {},
): Promise<Record<string, R[]>> {
  const results: Record<string, R[]> = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    onRound(round);
    for (const [name, subject] of shuffled(Object.entries(subjects))) results[name]?.push(await measure(subject, name));
  }
  return results;
}

/** `samples`: of each contender, one a round; the ratios are to {@link baseline}. */
export function makeRow({
  samples,
  goals = {},
  ...row
}: Omit<Row, 'subjects'> & {
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
  readonly goals?: Readonly<Record<string, Goal>>;
}): Row {
  const base = samples[baseline] ?? [];
  const subjects = Object.entries(samples).map(([contender, own]): Subject => {
    const ratioOf = (key: keyof Sample): Spread | undefined =>
      contender === baseline
        ? undefined
        : spread(own.map((sample, round) => (sample[key] ?? NaN) / (base[round]?.[key] ?? NaN)));
    const ratios = { ratio: ratioOf('figure'), processorRatio: ratioOf('processor'), threadRatio: ratioOf('thread') };
    const known = Object.entries(ratios).filter(([, ratio]) => ratio !== undefined);
    const figure = spread(own.map((sample) => sample.figure));
    if (!figure) throw new Error(`nothing was measured of ${contender}`);
    return { contender, figure, ...Object.fromEntries(known), ...(goals[contender] && { goal: goals[contender] }) };
  });
  return { ...row, subjects };
}

/** Whether a goal is met; undefined where there is none. */
export function meetsGoal({ better }: Pick<Row, 'better'>, { goal, figure, ratio }: Subject): boolean | undefined {
  if (!goal) return undefined;
  const [reached, aim] = 'ratio' in goal ? [ratio?.median ?? NaN, goal.ratio] : [figure.median, goal.figure];
  return better === 'more' ? reached >= aim : reached <= aim;
}

/** Undefined of nothing, and of what is no number. */
export function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0 || !values.every(Number.isFinite)) return undefined;
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}

/** Work that was done, how much or with which result, and the seconds it took: all, those of the process, those of its main thread. */
export interface Timed {
  readonly result: number;
  readonly wall: number;
  readonly processor: number;
  readonly thread: number;
}

export async function timed(work: () => Promise<number>): Promise<Timed> {
  globalThis.gc?.();
  const [processor, thread, start] = [process.cpuUsage(), process.threadCpuUsage(), performance.now()];
  const result = await work();
  const wall = (performance.now() - start) / 1000;
  return {
    result,
    wall,
    processor: seconds(process.cpuUsage(processor)),
    thread: seconds(process.threadCpuUsage(thread)),
  };
}

function rate({ result, wall, processor, thread }: Timed): Sample {
  return { figure: result / wall, processor: result / processor, thread: result / thread };
}

function seconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1e6;
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, place: randomInt(2 ** 32) }))
    .sort((a, b) => a.place - b.place)
    .map(({ value }) => value);
}

/** What all is compared with. */
export const baseline = 'node:tls';
