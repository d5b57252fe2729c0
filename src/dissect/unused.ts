/** So many of something in a capture that decryption has no use for, or cannot look into. */
export interface Unused {
  /** In the plural or without number, as 'ARP' and 'UDP in VXLAN'. */
  readonly what: string;
  readonly count: number;
}

/** Counts by name what is not used. Names may follow from numbers in a capture, so there are so many at most. */
export class UnusedCounts {
  readonly #counts = new Map<string, number>();

  add(what: string, count = 1): void {
    const name = this.#counts.has(what) || this.#counts.size < maxNames ? what : others;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  /** The most frequent first. */
  list(): Unused[] {
    return [...this.#counts].map(([what, count]) => ({ what, count })).sort((one, other) => other.count - one.count);
  }
}

const maxNames = 64;
const others = 'others';
