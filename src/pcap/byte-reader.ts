/**
 * Reads numbers and pieces from bytes that may be anything. Reading past the end gives zeros and nothing, and is remembered: one look at
 * {@link failed} when all is read says whether it was all there.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #isLittle: boolean;
  #offset = 0;
  #failed = false;

  constructor(bytes: Uint8Array, endianness: 'big' | 'little' = 'big') {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#isLittle = endianness === 'little';
  }

  /** Whether more was read than there was. */
  get failed(): boolean {
    return this.#failed;
  }

  get offset(): number {
    return this.#offset;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  uint8(): number {
    return this.#take(1) ? this.#view.getUint8(this.#offset - 1) : 0;
  }

  uint16(): number {
    return this.#take(2) ? this.#view.getUint16(this.#offset - 2, this.#isLittle) : 0;
  }

  /** Big endian, as TLS has it. */
  uint24(): number {
    return this.uint8() * 65536 + this.uint8() * 256 + this.uint8();
  }

  uint32(): number {
    return this.#take(4) ? this.#view.getUint32(this.#offset - 4, this.#isLittle) : 0;
  }

  /** A view of the next `length` bytes; an empty one if there are fewer. */
  bytes(length: number): Uint8Array {
    return this.#take(length) ? this.#bytes.subarray(this.#offset - length, this.#offset) : new Uint8Array();
  }

  skip(length: number): void {
    this.#take(length);
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  #take(length: number): boolean {
    if (length > this.left) {
      this.#failed = true;
      this.#offset = this.#bytes.length;
      return false;
    }
    this.#offset += length;
    return true;
  }
}
