import { giveUp, type Item } from './outgoing.ts';

/** Why nothing may leave now. Any number of them may stand at a time. */
export const Barrier = {
  /** What is being given leaves together. */
  corked: 1,
  /** A server has to be judged before it gets the end of the handshake. */
  held: 2,
  /** The system has to take what was given to it. */
  draining: 4,
} as const;
export type Barrier = (typeof Barrier)[keyof typeof Barrier];

/**
 * What is to be sent, in its order. Items leave one by one, as soon as they are pushed, and none while a {@link Barrier} stands or another
 * leaves. What is told while one leaves may push more: that leaves behind it.
 */
export class WriteQueue {
  readonly #send: (item: Item) => boolean;
  readonly #flush: () => void;
  readonly #failed: (error: Error) => void;
  #items: Item[] = [];
  #barriers = 0;
  #isRunning = false;
  #leaving: Item | undefined;
  #isGone = false;

  /**
   * `send` answers false where an item cannot leave yet: it has put up the barrier `draining` then, and is called again with the same item.
   * `flush` sends what `send` has gathered. `failed` is told of what either throws.
   */
  constructor(send: (item: Item) => boolean, flush: () => void, failed: (error: Error) => void) {
    this.#send = send;
    this.#flush = flush;
    this.#failed = failed;
  }

  get items(): readonly Item[] {
    return this.#items;
  }

  /** Nothing leaves any more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#run();
  }

  stands(barrier: Barrier): boolean {
    return (this.#barriers & barrier) !== 0;
  }

  raise(barrier: Barrier): void {
    this.#barriers |= barrier;
  }

  /** `before`: called when the barrier is down and nothing has left yet. */
  lower(barrier: Barrier, before?: () => void): void {
    this.#barriers &= ~barrier;
    before?.();
    this.#run();
  }

  /** For good; answers what has not left. What leaves just now, when somebody is told of what left before, is not among that. */
  leave(): Item[] {
    this.#isGone = true;
    const items = this.#leaving ? this.#items.slice(1) : this.#items;
    this.#items = [];
    return items;
  }

  #run(): void {
    if (this.#items.length === 0 || this.#isRunning || this.#barriers !== 0) return;
    this.#isRunning = true;
    try {
      for (let item = this.#items[0]; item && !this.#isGone; item = this.#items[0]) {
        if (!this.#leaves(item)) break;
        // V8 shifts even a single element by a call of its runtime.
        if (this.#items.length === 1) this.#items.pop();
        else this.#items.shift();
        if (this.#items.length === 0) this.#flush();
      }
      this.#flush();
    } catch (error) {
      this.#failed(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#isRunning = false;
    }
  }

  #leaves(item: Item): boolean {
    this.#leaving = item;
    let isSent = false;
    try {
      isSent = this.#send(item);
      return isSent;
    } finally {
      this.#leaving = undefined;
      if (this.#isGone && !isSent) giveUp(item);
    }
  }
}
