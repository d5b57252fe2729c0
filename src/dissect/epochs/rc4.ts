/** RC4, as in TLS before RFC 7465 forbade it: to read old captures, for nothing else. */
export class Rc4 {
  readonly #state: Uint8Array;
  #i = 0;
  #j = 0;

  constructor(key: Uint8Array) {
    this.#state = Uint8Array.from({ length: 256 }, (_, at) => at);
    if (key.length === 0) return;
    for (let i = 0, j = 0; i < 256; i++) {
      j = (j + this.#at(i) + (key[i % key.length] ?? 0)) & 0xff;
      this.#swap(i, j);
    }
  }

  /** Another one that goes on from here. */
  copy(): Rc4 {
    const copy = new Rc4(new Uint8Array());
    copy.#state.set(this.#state);
    copy.#i = this.#i;
    copy.#j = this.#j;
    return copy;
  }

  apply(input: Uint8Array): Uint8Array {
    return Uint8Array.from(input, (byte) => {
      this.#i = (this.#i + 1) & 0xff;
      this.#j = (this.#j + this.#at(this.#i)) & 0xff;
      this.#swap(this.#i, this.#j);
      return byte ^ this.#at((this.#at(this.#i) + this.#at(this.#j)) & 0xff);
    });
  }

  dispose(): void {
    this.#state.fill(0);
  }

  #at(index: number): number {
    return this.#state[index] ?? 0;
  }

  #swap(i: number, j: number): void {
    const byte = this.#at(i);
    this.#state[i] = this.#at(j);
    this.#state[j] = byte;
  }
}
