import type { OnReadOpts } from 'node:net';

/** The option `onread`: data goes into the application's own buffer and to its callback, never to the stream. */
export class UserBuffer {
  /** Undefined for what is no such option: node:net passes over it. */
  static of(options: unknown): UserBuffer | undefined {
    return isComplete(options) ? new UserBuffer(options) : undefined;
  }

  readonly #options: OnReadOpts;
  #target: Uint8Array;
  #waiting: Uint8Array[] = [];
  #paused = false;
  #whenEmpty: (() => void) | undefined;

  constructor(options: OnReadOpts) {
    this.#options = options;
    this.#target = this.#next();
  }

  /** False when the application wants no more for now; what it has not had yet waits for {@link resume}. */
  take(bytes: Uint8Array): boolean {
    this.#waiting.push(bytes);
    this.#deliver();
    return !this.#paused;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  /** Calls back once all has been delivered. */
  finish(whenEmpty: () => void): void {
    this.#whenEmpty = whenEmpty;
    this.#deliver();
  }

  #deliver(): void {
    for (let [bytes] = this.#waiting; bytes !== undefined && !this.#paused; [bytes] = this.#waiting) {
      const target = this.#target;
      const part = bytes.subarray(0, target.length);
      target.set(part);
      if (part.length < bytes.length) this.#waiting[0] = bytes.subarray(part.length);
      else this.#waiting.shift();
      if (this.#options.callback(part.length, target) === false) this.#paused = true;
      // As libuv has it, the next buffer is asked for before there is anything to read.
      this.#target = this.#next();
    }
    if (this.#waiting.length > 0) return;
    const whenEmpty = this.#whenEmpty;
    this.#whenEmpty = undefined;
    whenEmpty?.();
  }

  #next(): Uint8Array {
    const { buffer } = this.#options;
    return typeof buffer === 'function' ? buffer() : buffer;
  }
}

function isComplete(options: unknown): options is OnReadOpts {
  if (typeof options !== 'object' || options === null) return false;
  const { buffer, callback }: { buffer?: unknown; callback?: unknown } = options;
  return (buffer instanceof Uint8Array || typeof buffer === 'function') && typeof callback === 'function';
}
