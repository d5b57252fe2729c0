/** What does not follow the format. */
export class Lz4Error extends Error {}

/** Sequences of bytes as they are, and copies of what was before, which may lie in `window`. Throws {@link Lz4Error}. */
export function decompressBlock(data: Uint8Array, window: Uint8Array, maxLength: number): Uint8Array {
  const output = new BlockOutput(window, maxLength, 4 * data.length + 64);
  let at = 0;
  const long = (length: number): number => {
    let total = length;
    for (let more = length === 15 ? 255 : 0; more === 255; ) {
      more = data[at++] ?? 0;
      total += more;
    }
    return total;
  };
  while (at < data.length) {
    const token = data[at++] ?? 0;
    const literals = long(token >> 4);
    if (at + literals > data.length) throw new Lz4Error('a block is broken');
    output.add(data.subarray(at, at + literals));
    at += literals;
    // The last sequence has nothing behind its literals.
    if (at >= data.length) break;
    const offset = (data[at] ?? 0) + 256 * (data[at + 1] ?? 0);
    at += 2;
    const length = long(token & 15) + 4;
    if (at > data.length) throw new Lz4Error('a block is broken');
    output.copy(offset, length);
  }
  return output.block;
}

/** A block as it grows, behind what it may copy from. */
class BlockOutput {
  #bytes: Uint8Array;
  readonly #start: number;
  readonly #mostEnd: number;
  #end: number;

  constructor(window: Uint8Array, maxLength: number, likelyLength: number) {
    this.#start = window.length;
    this.#end = window.length;
    this.#mostEnd = window.length + maxLength;
    this.#bytes = new Uint8Array(window.length + Math.min(maxLength, likelyLength));
    this.#bytes.set(window);
  }

  get block(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  add(literals: Uint8Array): void {
    this.#room(literals.length);
    this.#bytes.set(literals, this.#end);
    this.#end += literals.length;
  }

  /** So many bytes once more, of those that begin `offset` before the end. */
  copy(offset: number, length: number): void {
    if (offset === 0 || offset > this.#end) throw new Lz4Error('a block is broken');
    this.#room(length);
    const bytes = this.#bytes;
    const end = this.#end;
    if (offset >= length) bytes.copyWithin(end, end - offset, end - offset + length);
    // What is copied may be what the copy itself writes.
    else for (let copied = 0; copied < length; copied++) bytes[end + copied] = bytes[end + copied - offset] ?? 0;
    this.#end += length;
  }

  #room(length: number): void {
    const needed = this.#end + length;
    if (needed > this.#mostEnd) throw new Lz4Error('a block grows longer than its frame allows');
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.min(this.#mostEnd, Math.max(needed, 2 * this.#bytes.length)));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }
}
