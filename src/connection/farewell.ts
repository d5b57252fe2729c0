import { RekeyUnsupported } from '../errors/codes.ts';
import type { AlertDescription } from '../protocol/alert.ts';
import type { EventQueue } from './event-queue.ts';
import { alertOf, type Failure } from './events.ts';
import type { Handshake } from './handshake.ts';
import type { WriteSide } from './write-side.ts';

/** The one way out of failures, and whether it has been taken. */
export class Farewell {
  readonly #handshake: Handshake;
  readonly #write: WriteSide;
  readonly #events: EventQueue;
  #hasEnded = false;

  constructor(handshake: Handshake, write: WriteSide, events: EventQueue) {
    this.#handshake = handshake;
    this.#write = write;
    this.#events = events;
  }

  /** Nothing can be received or sent any more. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The peer gets the alert that belongs to the failure, which is OpenSSL's to send, and who holds the connection is told once. */
  fail(failure: Failure): void {
    if (this.#hasEnded) return;
    const alert = alertOf(failure);
    if (alert !== undefined && !this.#handshake.disposed) this.#sendAlert(alert);
    this.#hasEnded = true;
    this.#events.emit({ kind: 'failed', failure });
  }

  /** What sending fails with, for good. */
  failBy(error: Error): void {
    this.fail(error instanceof RekeyUnsupported ? { by: 'rekey', reason: error.reason } : { by: 'system', error });
  }

  /** Without a word: whoever holds the connection has given it up. */
  leave(): void {
    this.#hasEnded = true;
  }

  #sendAlert(description: AlertDescription): void {
    for (const output of this.#handshake.fail(description)) {
      if (output.kind === 'record') this.#write.record(output.type, output.fragment);
      else if (output.kind === 'ciphertext') this.#write.ciphertext(output.bytes);
    }
  }
}
