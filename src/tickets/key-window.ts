import { copySecret, secretBytes } from '../protocol/secret-bytes.ts';

/** Bytes of a key for tickets, as node:tls has them: 16 of name, 16 of HMAC secret, 16 of AES key. */
export const ticketKeyLength = 48;

/** What a server is given: keys of {@link ticketKeyLength} bytes in the order of their time, and the place of the one that seals. */
export interface HeldKeys {
  readonly keys: Uint8Array;
  readonly sealing: number;
}

interface EpochKey {
  readonly epoch: number;
  readonly bytes: Uint8Array;
  /** Others have agreed on another key for this epoch: it only opens what it has sealed. */
  isReplaced: boolean;
  /** The last epoch in which it was the one that seals. */
  lastSealing: number;
}

/** The keys that are known, by the epoch for which they are meant. All memory is its own, and wiped when a key goes. */
export class KeyWindow {
  /** By epoch; in one epoch, replaced ones come first. */
  #keys: EpochKey[] = [];
  #sealing: EpochKey | undefined;

  /** The key for an epoch, to be read only. */
  key(epoch: number): Uint8Array | undefined {
    return this.#keys.find((one) => one.epoch === epoch && !one.isReplaced)?.bytes;
  }

  /** Takes the key that all have agreed on; it counts from the next {@link turn} on. False: it was known. */
  adopt(epoch: number, bytes: Uint8Array): boolean {
    const known = this.#keys.filter((one) => one.epoch === epoch);
    const same = known.find((one) => Buffer.compare(one.bytes, bytes) === 0);
    if (same && !same.isReplaced) return false;
    for (const one of known) one.isReplaced = one !== same;
    if (!same) this.#keys.push({ epoch, bytes: copySecret(bytes), isReplaced: false, lastSealing: -Infinity });
    this.#keys.sort((a, b) => a.epoch - b.epoch || Number(b.isReplaced) - Number(a.isReplaced));
    return true;
  }

  /**
   * It is `epoch`: the last key known that has begun seals, else the first. A key that is neither meant for this epoch or the one before, nor has sealed in
   * them, is wiped; so is one of a future that a wrong clock told. True: another key seals than before.
   */
  turn(epoch: number): boolean {
    const usable = this.#keys.filter((one) => !one.isReplaced);
    const sealing = usable.findLast((one) => one.epoch <= epoch) ?? usable[0];
    if (sealing) sealing.lastSealing = epoch;
    const isDue = (one: EpochKey): boolean =>
      one === sealing || (Math.max(one.epoch, one.lastSealing) >= epoch - 1 && one.epoch <= epoch + ahead);
    const due = this.#keys.filter(isDue);
    const replaced = due.filter((one) => one.isReplaced).slice(-mostReplaced);
    this.#keep(due.filter((one) => !one.isReplaced || replaced.includes(one)));
    const isOther = sealing !== this.#sealing;
    this.#sealing = sealing;
    return isOther;
  }

  /** What a server needs, the caller's to wipe. Undefined: no key is known. */
  held(): HeldKeys | undefined {
    if (!this.#sealing) return undefined;
    const sealing = this.#keys.indexOf(this.#sealing);
    const keys = secretBytes(this.#keys.length * ticketKeyLength);
    for (const [place, { bytes }] of this.#keys.entries()) keys.set(bytes, place * ticketKeyLength);
    return { keys, sealing };
  }

  /** Wipes all. */
  clear(): void {
    this.#sealing = undefined;
    this.#keep([]);
  }

  #keep(kept: EpochKey[]): void {
    for (const one of this.#keys) if (!kept.includes(one)) one.bytes.fill(0);
    this.#keys = kept;
  }
}

/** So many epochs before it seals, a key is known: a store may be away for one, and clocks differ by one. */
export const ahead = 2;
/** With the others no more than OpenSSL's side takes. */
const mostReplaced = 8;
