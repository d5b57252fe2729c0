/** Numbers that follow from a seed (xorshift32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % Math.max(1, limit);
  }

  of<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error('nothing to choose from');
    return value;
  }
}

/** One to eight changes to an input; another may lend a part. */
export function mutate(input: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(input);
  for (let left = 1 << random.below(4); left > 0; left--) bytes = random.of(changes)(bytes, other, random);
  return bytes.subarray(0, longest);
}

type Change = (bytes: Uint8Array, other: Uint8Array, random: Random) => Uint8Array;

const changes: readonly Change[] = [
  (bytes, _, random) => {
    const at = random.below(bytes.length);
    return bytes.length === 0 ? bytes : bytes.with(at, (bytes[at] ?? 0) ^ (1 << random.below(8)));
  },
  (bytes, _, random) => (bytes.length === 0 ? bytes : bytes.with(random.below(bytes.length), random.of(interesting))),
  (bytes, _, random) => {
    // A length, most likely.
    const at = random.below(bytes.length - 1);
    return bytes.length < 2 ? bytes : bytes.with(at, random.below(2)).with(at + 1, random.below(256));
  },
  (bytes, _, random) => {
    const at = random.below(bytes.length + 1);
    return joined(bytes.subarray(0, at), bytes.subarray(at + random.below(16)));
  },
  (bytes, _, random) => {
    const at = random.below(bytes.length + 1);
    const added = Uint8Array.from({ length: 1 + random.below(8) }, () => random.below(256));
    return joined(bytes.subarray(0, at), added, bytes.subarray(at));
  },
  (bytes, _, random) => {
    const [from, to] = [random.below(bytes.length), random.below(bytes.length + 1)];
    const part = bytes.subarray(from, from + 1 + random.below(64));
    return joined(bytes.subarray(0, to), part, bytes.subarray(to));
  },
  (bytes, other, random) => {
    const [from, to] = [random.below(other.length), random.below(bytes.length + 1)];
    return joined(bytes.subarray(0, to), other.subarray(from, from + 1 + random.below(256)), bytes.subarray(to));
  },
  (bytes, other, random) =>
    joined(bytes.subarray(0, random.below(bytes.length)), other.subarray(random.below(other.length))),
];

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const interesting = [0, 1, 2, 3, 20, 21, 22, 23, 24, 127, 128, 254, 255];
const longest = 64 * 1024;
