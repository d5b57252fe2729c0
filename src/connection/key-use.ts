import type { AeadName } from '../record/traffic-keys.ts';

/**
 * How often one key may be used (RFC 8446 §5.5), counted by the records of one direction. Counting exactly can cost a system call, so
 * it is done only when there could have been enough: no record is shorter than a byte.
 */
export class KeyUse {
  readonly #limit: number;
  readonly #count: () => bigint | undefined;
  readonly #start: bigint;
  /** Bytes until the next count. */
  #left: number;
  #reached = false;

  /** `count` answers the number of the key's next record, `start` that of its first. */
  constructor(limit: number, start: bigint, count: () => bigint | undefined) {
    this.#limit = limit;
    this.#start = start;
    this.#count = count;
    this.#left = limit;
  }

  /** Takes note of application data. True once, when the limit has been reached. */
  add(bytes: number): boolean {
    this.#left -= Math.max(bytes, 1);
    if (this.#left > 0 || this.#reached) return false;
    const used = Number((this.#count() ?? this.#start) - this.#start);
    this.#left = Math.max(this.#limit - used, Math.min(this.#limit, leastBetweenCounts));
    this.#reached = used >= this.#limit;
    return this.#reached;
  }
}

/**
 * Records after which a key is changed. AES-GCM is good for 2^24.5 records of full size (RFC 8446 §5.5); the rest is left for what is
 * under way while the keys change. ChaCha20-Poly1305 has no limit that could be reached.
 */
export function recordsPerKey(aead: AeadName): number {
  return aead === 'chacha20-poly1305' ? Number.MAX_SAFE_INTEGER : 2 ** 24;
}

/** Same, by the IANA name of a suite that OpenSSL protects records of. Those without an AEAD are limited by nothing that could be reached. */
export function recordsPerSuite(name: string): number {
  return /_[GC]CM/.test(name) ? recordsPerKey('aes-128-gcm') : Number.MAX_SAFE_INTEGER;
}

/** So that a count close to the limit is not made for each byte. */
const leastBetweenCounts = 2 ** 20;
