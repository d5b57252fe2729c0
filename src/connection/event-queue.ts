import type { ConnectionEvent } from './events.ts';

/** Events are collected while a call runs, and told at once otherwise. */
export class EventQueue {
  readonly #tell: (event: ConnectionEvent) => void;
  #collected: ConnectionEvent[] | undefined;

  constructor(tell: (event: ConnectionEvent) => void) {
    this.#tell = tell;
  }

  emit(event: ConnectionEvent): void {
    if (this.#collected) this.#collected.push(event);
    else this.#tell(event);
  }

  /** What `run` finds. */
  collect(run: () => void): ConnectionEvent[] {
    const events: ConnectionEvent[] = [];
    this.#collected = events;
    try {
      run();
    } finally {
      this.#collected = undefined;
    }
    return events;
  }

  /** For calls that do not receive: what they find is told after they return. Within another call, `run` is part of that. */
  defer(run: () => void, collect: (run: () => void) => ConnectionEvent[]): void {
    if (this.#collected) run();
    else for (const event of collect(run)) this.#tell(event);
  }
}
