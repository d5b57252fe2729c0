import type { ConnectionEvent } from '../connection/events.ts';

/** What a session tells its socket. */
export interface SessionListener {
  event(event: ConnectionEvent): void;
  /** The peer's FIN; `truncated` when it came in the middle of a record. */
  ended(truncated: boolean): void;
  streamError(error: Error): void;
  streamClosed(): void;
}
