import type { Levels } from './levels.ts';

/** How long a child works: until one of these is reached. */
export interface Limits {
  readonly seconds: number;
  readonly connections: number;
  readonly bytes: number;
}

/** What a child process of the soak tells. */
export type Told =
  | { readonly kind: 'progress'; readonly text: string }
  | { readonly kind: 'levels'; readonly when: 'warm' | 'end'; readonly levels: Levels }
  | { readonly kind: 'ended'; readonly done: string; readonly faults: readonly string[] };

function tell(told: Told): void {
  process.send?.(told);
}

/**
 * Work of a child process: `step` is called by so many at a time until a limit is reached. After a part of it levels are taken, and at
 * the end once more; nothing is under way then.
 */
export class Shift {
  connections = 0;
  bytes = 0;
  readonly faults: string[] = [];
  readonly #limits: Limits;
  readonly #start = performance.now();
  #shown = this.#start;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** How much of it is done: from 0 to 1. */
  get progress(): number {
    const { seconds, connections, bytes } = this.#limits;
    const elapsed = (performance.now() - this.#start) / 1000;
    return Math.min(1, Math.max(elapsed / seconds, this.connections / connections, this.bytes / bytes));
  }

  async work(step: () => Promise<void>, atATime: number, measure: () => Promise<Levels>): Promise<void> {
    for (const [when, until] of [['warm', warmUp] as const, ['end', 1] as const]) {
      const one = async (): Promise<void> => {
        while (this.progress < until && this.faults.length < mostFaults) {
          await step();
          this.#show();
        }
      };
      await Promise.all(Array.from({ length: atATime }, one));
      tell({ kind: 'levels', when, levels: await measure() });
    }
    tell({ kind: 'ended', done: this.#done(), faults: this.faults });
  }

  fault(text: string): void {
    this.faults.push(text);
  }

  #show(): void {
    if (performance.now() - this.#shown < 10_000) return;
    this.#shown = performance.now();
    tell({ kind: 'progress', text: `${Math.round(this.progress * 100)} %: ${this.#done()}` });
  }

  #done(): string {
    const seconds = Math.round((performance.now() - this.#start) / 1000);
    return `${this.connections} connections, ${(this.bytes / 1e9).toFixed(2)} GB in ${seconds} s`;
  }
}

/** Of the whole. */
const warmUp = 0.5;
const mostFaults = 5;
