import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Gives a process an order, and resolves to its answer; rejects if it ends. */
export async function ask<Answer>(child: ChildProcess, order: string | number): Promise<Answer> {
  const gone = new AbortController();
  const onExit = (): void => gone.abort(new Error(`${child.spawnargs.at(2)} ended`));
  child.once('exit', onExit);
  child.send(order);
  try {
    const [answer] = await once(child, 'message', { signal: gone.signal });
    return answer;
  } finally {
    child.off('exit', onExit);
  }
}
