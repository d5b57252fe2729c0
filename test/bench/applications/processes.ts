import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** A program that works for a benchmark, and what it has told when it was ready. */
export interface Worker {
  readonly child: ChildProcess;
  readonly told: number;
}

/** What a worker tells of its work. */
export interface Cost {
  /** Milliseconds on a processor, since it was asked last. */
  readonly processor: number;
  /** KiB: resident memory at most, ever. */
  readonly most: number;
}

/** Its words are its role, a kind of work, and options. */
export async function startWorker(
  program: string,
  [role, kind, options]: readonly ['serve' | 'ask', string, object],
  isOurs: boolean,
): Promise<Worker> {
  const execArgv = ['--no-warnings', '--expose-gc', ...(isOurs ? ['--import', register] : [])];
  const child = fork(program, [role, kind, JSON.stringify(options)], { execArgv });
  return { child, told: await answer(child) };
}

/** Has it work so many times. */
export async function tell({ child }: Worker, count: number): Promise<Cost> {
  const answered = answer<Cost>(child);
  child.send({ count });
  return await answered;
}

/** Has it collect all garbage once: minor collections of HTTP/2 servers take several times as long from then on, and a process that serves for long has done it. */
export async function collect({ child }: Worker): Promise<void> {
  const answered = answer(child);
  child.send({ count: 0, isFull: true });
  await answered;
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

const register = new URL('../../../dist/register.js', import.meta.url).href;
