import type { MemoryBudget } from '../../pcap/memory-budget.ts';

/** A handshake message (RFC 8446 §4). */
export interface HandshakeMessage {
  readonly type: number;
  /** Empty for the types that nobody here reads, and without room for it. */
  readonly body: Uint8Array;
}

/** Which messages are kept whole: those that are always read, or all of them. */
type Kept = 'hellos' | 'all';

/** Handshake types that matter here (RFC 8446 §4, RFC 5246 §7.4). */
export const HandshakeType = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  endOfEarlyData: 5,
  encryptedExtensions: 8,
  serverHelloDone: 14,
  clientKeyExchange: 16,
  finished: 20,
  keyUpdate: 24,
} as const;

/**
 * Puts handshake messages together from the fragments of records, of which one may hold many and many may hold one. Only messages that are
 * read are kept meanwhile, so certificates of any length need no memory.
 */
export class HandshakeMessages {
  readonly #kept: Kept;
  /** What all connections share. */
  readonly #budget: MemoryBudget | undefined;
  readonly #header = new Uint8Array(headerLength);
  #headerFilled = 0;
  /** Room for what has come of the body: it grows, so that a header alone takes no memory. */
  #body: Uint8Array | undefined;
  #bodyFilled = 0;
  #bodyLength = 0;
  /** Bytes that are still to come of a message that is not kept. */
  #skipping = 0;

  constructor(kept: Kept = 'hellos', budget?: MemoryBudget) {
    this.#kept = kept;
    this.#budget = budget;
  }

  push(fragment: Uint8Array): HandshakeMessage[] {
    const messages: HandshakeMessage[] = [];
    let rest = fragment;
    while (rest.length > 0 || this.#isComplete) {
      const before = rest.length;
      rest = this.#fill(rest);
      if (!this.#isComplete) {
        if (rest.length === before) break;
        continue;
      }
      messages.push({
        type: this.#header[0] ?? 0,
        body: this.#body?.subarray(0, this.#bodyLength) ?? new Uint8Array(),
      });
      this.reset();
    }
    return messages;
  }

  /** Forgets what there is of a message: something was missing. */
  reset(): void {
    this.#headerFilled = 0;
    this.#budget?.give(this.#body?.length ?? 0);
    this.#body = undefined;
    this.#bodyFilled = 0;
    this.#bodyLength = 0;
    this.#skipping = 0;
  }

  get #isComplete(): boolean {
    if (this.#headerFilled < headerLength) return false;
    return this.#skipping === 0 && this.#bodyFilled === this.#bodyLength;
  }

  #fill(bytes: Uint8Array): Uint8Array {
    if (this.#headerFilled < headerLength) {
      const taken = bytes.subarray(0, headerLength - this.#headerFilled);
      this.#header.set(taken, this.#headerFilled);
      this.#headerFilled += taken.length;
      if (this.#headerFilled === headerLength) this.#begin();
      return bytes.subarray(taken.length);
    }
    if (this.#body === undefined) {
      const skipped = Math.min(this.#skipping, bytes.length);
      this.#skipping -= skipped;
      return bytes.subarray(skipped);
    }
    const taken = bytes.subarray(0, this.#bodyLength - this.#bodyFilled);
    const filled = this.#bodyFilled + taken.length;
    if (filled > this.#body.length && !this.#grow(this.#body, filled)) {
      this.#skipBody();
      return this.#fill(bytes);
    }
    this.#body.set(taken, this.#bodyFilled);
    this.#bodyFilled += taken.length;
    return bytes.subarray(taken.length);
  }

  #begin(): void {
    const [type = 0, high = 0, middle = 0, low = 0] = this.#header;
    const length = (high << 16) | (middle << 8) | low;
    const isKept = this.#kept === 'all' || readTypes.includes(type);
    this.#skipping = length;
    if (!isKept || length > maxBodyLength) return;
    const room = Math.min(length, firstRoom);
    if (this.#budget?.take(room) === false) return;
    this.#body = new Uint8Array(room);
    this.#bodyLength = length;
    this.#skipping = 0;
  }

  /** Whether there is room. */
  #grow(body: Uint8Array, needed: number): boolean {
    const length = Math.min(this.#bodyLength, Math.max(needed, 2 * body.length));
    if (this.#budget?.take(length - body.length) === false) return false;
    this.#body = new Uint8Array(length);
    this.#body.set(body);
    return true;
  }

  /** Goes on without the body. */
  #skipBody(): void {
    this.#skipping = this.#bodyLength - this.#bodyFilled;
    this.#budget?.give(this.#body?.length ?? 0);
    this.#body = undefined;
    this.#bodyFilled = 0;
    this.#bodyLength = 0;
  }
}

const headerLength = 4;

const readTypes: readonly number[] = [
  HandshakeType.clientHello,
  HandshakeType.serverHello,
  HandshakeType.encryptedExtensions,
];

/** The longest ClientHello that OpenSSL takes (statem_srvr.c: CLIENT_HELLO_MAX_LENGTH). */
const maxBodyLength = 131_396;
const firstRoom = 2048;
