import type { EventQueue } from './event-queue.ts';
import type { ConnectionEvent } from './events.ts';
import type { ExpectedAnswers } from './expected-answers.ts';
import type { Farewell } from './farewell.ts';
import { InstanceLost } from './instance-lost.ts';
import { streamDestroyed } from './outgoing.ts';
import type { WriteSide } from './write-side.ts';

/**
 * What a connection is called for: what a call finds is collected, and what it sends leaves together. What runs for each record or write is a
 * function that was made once, and is given what it works on: of one that lives as long as a call, V8 forgets what it has compiled whenever it
 * collects garbage, and compiling it anew has the next collection come early.
 */
export class Calls {
  readonly #events: EventQueue;
  readonly #write: WriteSide;
  readonly #farewell: Farewell;
  readonly #expected: ExpectedAnswers;

  constructor(events: EventQueue, write: WriteSide, farewell: Farewell, expected: ExpectedAnswers) {
    this.#events = events;
    this.#write = write;
    this.#farewell = farewell;
    this.#expected = expected;
  }

  /** What `run` finds. */
  collect<Given>(run: (given: Given) => void, given: Given): ConnectionEvent[] {
    if (this.#farewell.hasEnded) return [];
    const events = this.#events.begin();
    try {
      this.#write.cork();
      try {
        this.#guarded(run, given);
      } finally {
        this.#write.uncork();
      }
    } finally {
      this.#events.end();
    }
    return events;
  }

  /** For calls that do not receive: what they find is told after they return. Within another call, `run` is part of that. */
  defer(run: () => void): void {
    if (this.#farewell.hasEnded) return;
    if (this.#expected.holds) this.#now(() => this.#expected.behind(run), undefined);
    else this.#now(run, undefined);
  }

  /** As {@link defer}, of what the application sends: `refuse` is called where nothing can be sent any more. */
  submit<Given>(refuse: (error: Error) => void, run: (given: Given) => void, given: Given): void {
    if (this.#farewell.hasEnded) refuse(streamDestroyed());
    else if (this.#expected.holds) this.#now(() => this.#behind(refuse, run, given), undefined);
    else this.#now(run, given);
  }

  #behind<Given>(refuse: (error: Error) => void, run: (given: Given) => void, given: Given): void {
    this.#expected.behind(
      () => run(given),
      () => refuse(streamDestroyed()),
    );
  }

  #now<Given>(run: (given: Given) => void, given: Given): void {
    if (this.#events.isCollecting) this.#guarded(run, given);
    else this.#events.tell(this.collect(run, given));
  }

  #guarded<Given>(run: (given: Given) => void, given: Given): void {
    try {
      run(given);
    } catch (error) {
      // What OpenSSL's instance was asked for is gone with it, and so is this connection.
      if (!(error instanceof InstanceLost)) throw error;
      this.#farewell.fail({ by: 'system', error });
    }
  }
}
