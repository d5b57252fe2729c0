/** Order of the bytes of a number. */
export type Order = 'little' | 'big';

/** Builds bytes piece by piece, as files have them. */
export class Bytes {
  readonly #isLittle: boolean;
  #all: Buffer = Buffer.alloc(0);

  constructor(order: Order) {
    this.#isLittle = order === 'little';
  }

  get all(): Uint8Array {
    return this.#all;
  }

  uint16(value: number): this {
    return this.#number(2, (view) => view.setUint16(0, value, this.#isLittle));
  }

  uint32(value: number): this {
    return this.#number(4, (view) => view.setUint32(0, value, this.#isLittle));
  }

  int64(value: bigint): this {
    return this.#number(8, (view) => view.setBigInt64(0, value, this.#isLittle));
  }

  bytes(bytes: Uint8Array): this {
    this.#all = Buffer.concat([this.#all, bytes]);
    return this;
  }

  /** Zeros up to the next 32 bits. */
  pad(): this {
    return this.bytes(new Uint8Array((4 - (this.#all.length % 4)) % 4));
  }

  #number(length: number, set: (view: DataView) => void): this {
    const bytes = new Uint8Array(length);
    set(new DataView(bytes.buffer));
    return this.bytes(bytes);
  }
}
