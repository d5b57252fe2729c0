/**
 * The work of one turn of the event loop for one connection. A peer chooses how small its records are, and 512 KiB of the smallest would keep
 * everybody else waiting; so a turn ends when it has cost about as much as node:tls's longest, of 64 KiB, and the rest is for another.
 */
export class Turn {
  #left = worth;

  get isOver(): boolean {
    return this.#left <= 0;
  }

  /** OpenSSL has read so many bytes of records in a call. */
  engineWorked(bytes: number): void {
    this.#left -= 1 + bytes / 512;
  }

  /** A layer outside OpenSSL has opened so many bytes of records in a call, and what else they held was dealt with. */
  opened(bytes: number): void {
    this.#left -= 1 + bytes / 8192;
  }
}

/** In calls, each of which takes some 10 µs. */
const worth = 128;
