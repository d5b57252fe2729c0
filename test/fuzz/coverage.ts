import { createHash } from 'node:crypto';
import { type Profiler, Session } from 'node:inspector';

/** Which blocks of src/ have run, by V8's own count. */
export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** How many blocks have run so far. */
  get size(): number {
    return this.#seen.size;
  }

  /** Blocks that have run since the last call and never before. */
  takeNew(): number {
    const before = this.#seen.size;
    for (const { url, functions } of this.#take()) {
      if (!url.includes('/src/')) continue;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges)
          if (count > 0) this.#seen.add(`${url}:${startOffset}-${endOffset}`);
      }
    }
    return this.#seen.size - before;
  }

  /** Which blocks have run since the last call, as a digest. */
  signature(): string {
    const digest = createHash('sha256');
    for (const { url, functions } of this.#take()) {
      if (!url.includes('/src/')) continue;
      for (const { ranges } of functions)
        for (const { startOffset, endOffset, count } of ranges)
          if (count > 0) digest.update(`${url}:${startOffset}-${endOffset}:${Math.floor(Math.log2(count))} `);
    }
    return digest.digest('base64');
  }

  close(): void {
    this.#session.disconnect();
  }

  #take(): readonly Profiler.ScriptCoverage[] {
    let taken: readonly Profiler.ScriptCoverage[] = [];
    // In the same thread the answer is there when the call returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error) throw error;
      taken = answer.result;
    });
    return taken;
  }
}
