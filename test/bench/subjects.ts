import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ContenderName } from './contenders.ts';
import type { Timed } from './measure.ts';

/** One contender's part in a comparison, made ready. */
export interface Work {
  /** Does it once and resolves to how much that was, or what came out. */
  run(): Promise<number>;
}

/** One contender in a process of its own, so that none runs code that was compiled for the others' objects, too. */
export type Subject = () => Promise<Timed>;

/**
 * Starts a process for each contender, calls `use` with them, and ends them. `work` is a name that subject-process.ts knows.
 */
export async function withSubjects<Options extends object>(
  work: string,
  names: readonly ContenderName[],
  optionsOf: (name: ContenderName) => Options,
  use: (subjects: Record<string, Subject>) => Promise<void>,
): Promise<void> {
  const children: ChildProcess[] = [];
  try {
    const subjects: Record<string, Subject> = {};
    for (const name of names) {
      const execArgv = [...process.execArgv, ...(name === 'node:crypto' ? ['--no-addons'] : [])];
      const child = fork(program, [work, name, JSON.stringify(optionsOf(name))], { execArgv });
      children.push(child);
      await answer(child);
      subjects[name] = async () => {
        child.send('run');
        return await answer(child);
      };
    }
    await use(subjects);
  } finally {
    for (const child of children) child.kill();
  }
}

async function answer(child: ChildProcess): Promise<Timed> {
  const gone = new AbortController();
  const onExit = (): void => gone.abort(new Error(`${child.spawnargs.slice(-3, -1).join(' ')} ended`));
  child.once('exit', onExit);
  const [told] = await once(child, 'message', { signal: gone.signal });
  child.off('exit', onExit);
  return told;
}

const program = fileURLToPath(new URL('subject-process.ts', import.meta.url));
