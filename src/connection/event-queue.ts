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

  get isCollecting(): boolean {
    return this.#collected !== undefined;
  }

  /** What is found from now on is in the array that this answers, until {@link end}. */
  begin(): ConnectionEvent[] {
    const events: ConnectionEvent[] = [];
    this.#collected = events;
    return events;
  }

  end(): void {
    this.#collected = undefined;
  }

  tell(events: readonly ConnectionEvent[]): void {
    for (const event of events) this.#tell(event);
  }
}
