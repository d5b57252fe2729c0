import type { MemoryBudget } from '../pcap/memory-budget.ts';
import type { Sender } from './conversation.ts';
import type { CaptureCryptography } from './cryptography.ts';
import { Tls12Keys } from './epochs/tls12-keys.ts';
import type { Tls13Keys } from './epochs/tls13-keys.ts';
import { HandshakeMessages } from './handshake/handshake-messages.ts';
import type { StreamRecord } from './record-stream.ts';

interface Setting {
  readonly sender: Sender;
  /** For records that wait. */
  readonly budget: MemoryBudget;
  /** For numbers of records behind missing ones. */
  readonly guesses: MemoryBudget;
  readonly kept: 'hellos' | 'all';
}

/** What a conversation keeps for each of its directions. */
export class TlsDirection {
  readonly sender: Sender;
  readonly handshake: HandshakeMessages;
  readonly tls12: Tls12Keys;
  tls13: Tls13Keys | undefined;
  /** How many records may be missing before the next one, since it is not known where it was found. */
  #lost = 0;
  #searches = maxSearches;
  /** Why there are no keys. */
  refusal: string | undefined;
  /** The randoms under which nothing was found: with others there may be. */
  refusedWith: readonly Uint8Array[] | undefined;
  readonly #budget: MemoryBudget;
  #waiting: StreamRecord[] = [];
  #kept = 0;

  constructor(cryptography: CaptureCryptography, { sender, budget, guesses, kept }: Setting) {
    this.sender = sender;
    this.handshake = new HandshakeMessages(kept, budget);
    this.tls12 = new Tls12Keys(cryptography, sender, guesses);
    this.#budget = budget;
  }

  /** The first of the records that wait for the other direction's hello. */
  get firstWaiting(): StreamRecord | undefined {
    return this.#waiting[0];
  }

  /** Keeps a record for later; false if there is no room for it. */
  wait(item: StreamRecord): boolean {
    const size = itemOverhead + (item.kind === 'record' ? item.record.length : 0);
    if (this.#kept + size > maxKept || !this.#budget.take(size)) return false;
    this.#kept += size;
    this.#waiting.push(item.kind === 'record' ? { ...item, record: item.record.slice() } : item);
    return true;
  }

  /** Removes the records that wait, for as long as `mayGo` says so. */
  release(mayGo: (item: StreamRecord) => boolean): StreamRecord[] {
    const end = this.#waiting.findIndex((item) => !mayGo(item));
    const released = this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
    for (const item of released) {
      const size = itemOverhead + (item.kind === 'record' ? item.record.length : 0);
      this.#kept -= size;
      this.#budget.give(size);
    }
    return released;
  }

  get lost(): number {
    return this.#lost;
  }

  /** Records were found behind so many bytes that may have been others. */
  resume(bytes: number): void {
    this.#lost = Math.min(maxLost, Math.ceil(bytes / minRecordLength) + 1);
  }

  /** Whether a record behind missing ones could be opened. What was found may have been none: so the number is looked for a few times. */
  found(isOpened: boolean): void {
    if (this.#lost === 0) return;
    this.#searches -= this.#lost;
    this.#lost = isOpened || this.#searches <= 0 ? 0 : this.#lost + 1;
  }

  dispose(): void {
    this.tls12.dispose();
    this.tls13?.dispose();
    this.handshake.reset();
    this.release(() => true);
  }
}

/** The other direction's hello comes at once, or is not in the capture. */
const maxKept = 2 ** 20;
const itemOverhead = 128;

/** A record's header, a tag, and at least a byte in it. */
const minRecordLength = 22;
const maxLost = 1024;
/** How often a record may be tried with another number. */
const maxSearches = 16384;
