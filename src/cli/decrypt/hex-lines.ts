import type { Writable } from 'node:stream';

/**
 * Lines with bytes in them as hexadecimal digits, written a few hundred kilobytes at a time: what many small writes, and memory of its own for each, cost is
 * more than making the lines. What has been added is written by the end of the turn.
 */
export class HexLines {
  readonly #target: Writable;
  #memory = Buffer.allocUnsafeSlow(size);
  #length = 0;
  #waits = false;

  constructor(target: Writable) {
    this.#target = target;
  }

  /** `start` and `end` in ASCII. */
  add(start: string, bytes: Uint8Array, end: string): void {
    const length = start.length + 2 * bytes.length + end.length;
    if (this.#length + length > this.#memory.length) this.flush();
    // A longer one than a record of TLS can be.
    if (length > this.#memory.length) this.#memory = Buffer.allocUnsafeSlow(length);
    const memory = this.#memory;
    memory.write(start, this.#length, 'latin1');
    this.#length += start.length;
    const digits = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
    memory.write(digits, this.#length, 'latin1');
    this.#length += digits.length;
    memory.write(end, this.#length, 'latin1');
    this.#length += end.length;
    this.#flushLater();
  }

  flush(): void {
    if (this.#length === 0) return;
    this.#target.write(this.#memory.subarray(0, this.#length));
    this.#length = 0;
    // Files and most pipes have taken it by now; what waits in the stream keeps its memory.
    if (this.#target.writableLength > 0) this.#memory = Buffer.allocUnsafeSlow(size);
  }

  #flushLater(): void {
    if (this.#waits) return;
    this.#waits = true;
    setImmediate(() => {
      this.#waits = false;
      this.flush();
    });
  }
}

const size = 512 * 1024;
