import type { Output } from './handshake.ts';
import { wipeOutputs } from './wiped-outputs.ts';

type CarryOut = (outputs: readonly Output[]) => void;

/** The answers that a connection waits for: what is to be done with those that its handshake has still to give, in order. */
export class ExpectedAnswers {
  /** It is the application that has been asked. */
  ofApplication = false;
  #waiting: { readonly carryOut: CarryOut; readonly refuse: () => void }[] = [];
  #behind: { readonly run: () => void; readonly refuse: () => void }[] = [];
  #isGone = false;

  get areThere(): boolean {
    return this.#waiting.length > 0;
  }

  /** Has an answer carried out: now, or once it is given. `refuse` is called instead where none will be. */
  carryOut(outputs: readonly Output[], carryOut: CarryOut, refuse: () => void = nobody): void {
    if (!isLater(outputs)) carryOut(outputs);
    else if (this.#isGone) refuse();
    else this.#waiting.push({ carryOut, refuse });
  }

  /** Something waits for them, behind which all else has to. */
  get holds(): boolean {
    return this.#behind.length > 0;
  }

  /** Does it behind the answers that are expected now, and behind what waits for them already. */
  behind(run: () => void, refuse: () => void = nobody): void {
    this.#behind.push({ run, refuse });
    this.#goOn();
  }

  /** All that comes from the application next has to wait for the answers that are expected now. */
  holdBack(): void {
    if (this.areThere) this.behind(nobody);
  }

  /** As {@link behind}, in front of all that waits. */
  next(run: () => void, refuse: () => void = nobody): void {
    this.#behind.unshift({ run, refuse });
    this.#goOn();
  }

  /** What was to come later. */
  give(outputs: readonly Output[]): void {
    const first = this.#waiting.shift();
    if (first) first.carryOut(outputs);
    else wipeOutputs(outputs);
    this.#goOn();
  }

  /** None is given any more: tells all that wait. */
  leave(): void {
    this.#isGone = true;
    const refused = [...this.#waiting, ...this.#behind];
    this.#waiting = [];
    this.#behind = [];
    for (const { refuse } of refused) refuse();
  }

  /** What one of them does has its place in front of those that wait behind it. */
  #goOn(): void {
    while (!this.areThere && this.#behind.length > 0) {
      const [first, ...rest] = this.#behind;
      this.#behind = [];
      try {
        first?.run();
      } finally {
        if (this.#isGone) for (const { refuse } of rest) refuse();
        else this.#behind.push(...rest);
      }
    }
  }
}

const nobody = (): void => {};

/** Whether an answer is still to come. */
export function isLater(outputs: readonly Output[]): boolean {
  return outputs.at(-1)?.kind === 'later';
}
