import type { Output } from './handshake.ts';

type CarryOut = (outputs: readonly Output[]) => void;

/** The answers that a connection waits for: what is to be done with those that its handshake has still to give, in order. */
export class ExpectedAnswers {
  /** It is the application that has been asked. */
  ofApplication = false;
  readonly #waiting: CarryOut[] = [];
  readonly #behind: (() => void)[] = [];

  get areThere(): boolean {
    return this.#waiting.length > 0;
  }

  /** Has an answer carried out: now, or once it is given. */
  carryOut(outputs: readonly Output[], carryOut: CarryOut): void {
    if (isLater(outputs)) this.#waiting.push(carryOut);
    else carryOut(outputs);
  }

  /** Something waits for them, behind which all else has to. */
  get holds(): boolean {
    return this.#behind.length > 0;
  }

  /** Does it behind the answers that are expected now, and behind what waits for them already. */
  behind(run: () => void): void {
    this.#behind.push(run);
    this.#goOn();
  }

  /** The same, in front of all that waits. */
  next(run: () => void): void {
    this.#behind.unshift(run);
    this.#goOn();
  }

  /** What was to come later. */
  give(outputs: readonly Output[]): void {
    this.#waiting.shift()?.(outputs);
    this.#goOn();
  }

  #goOn(): void {
    while (!this.areThere && this.#behind.length > 0) this.#behind.shift()?.();
  }
}

/** Whether an answer is still to come. */
export function isLater(outputs: readonly Output[]): boolean {
  return outputs.at(-1)?.kind === 'later';
}
