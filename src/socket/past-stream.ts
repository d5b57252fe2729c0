import type { WriteDone } from './socket-writes.ts';

/** What goes past a socket's stream. */
export interface PastStream {
  /** As SocketWrites has it: `done` may be told before this returns; false where only the stream can write. */
  write(parts: readonly Uint8Array[], done: WriteDone): boolean;
  /** The only listener to 'data' is called instead, wherever the event would be told at once. */
  listen(listener: (bytes: Buffer) => void): void;
}
