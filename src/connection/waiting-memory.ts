/**
 * Memory for bytes that wait until the system takes them, used again and again: a reader that is slow would otherwise cost a garbage
 * collection's worth of new memory for each piece. All connections share what is spare; what is beyond {@link mostSpare} goes.
 */
export class WaitingMemory {
  readonly #spare: Uint8Array[] = [];
  #spareLength = 0;

  /** A copy of `bytes`, to be {@link giveBack given back} when nobody needs it any more. */
  copy(bytes: Uint8Array): Uint8Array {
    const block = this.take(bytes.length);
    block.set(bytes);
    return block;
  }

  /** So many bytes, of which nobody knows what is in them; likewise to be given back. */
  take(length: number): Uint8Array {
    return this.#takeBlock(length).subarray(0, length);
  }

  giveBack({ buffer }: Uint8Array): void {
    if (!(buffer instanceof ArrayBuffer) || this.#spareLength + buffer.byteLength > mostSpare) return;
    this.#spare.push(new Uint8Array(buffer));
    this.#spareLength += buffer.byteLength;
  }

  /** Bytes that are kept for the next. */
  get spareLength(): number {
    return this.#spareLength;
  }

  #takeBlock(length: number): Uint8Array {
    const fitting = this.#spare.findIndex(
      (block) => block.length >= length && block.length <= length + 4 * blockLength,
    );
    const [block] = fitting < 0 ? [] : this.#spare.splice(fitting, 1);
    if (!block) return new Uint8Array(Math.ceil(length / blockLength) * blockLength);
    this.#spareLength -= block.length;
    return block;
  }
}

/** Bytes. A block is a multiple of it, and not much larger than what it is for. */
const blockLength = 16 * 1024;

/** Bytes that are kept though nothing waits. */
const mostSpare = 2 * 1024 * 1024;
