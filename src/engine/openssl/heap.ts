import { copySecret } from '../../protocol/secret-bytes.ts';
import type { BytesPointer, EngineExports, Pointer } from './ffi.ts';

const logDataOffset = 0;
const logLengthOffset = 4;
const logCapacityOffset = 8;
/** Bytes: enough for what most calls bring once a connection is open. */
const keptCapacity = 256;

/** The module's linear memory. No view of it is handed out: memory growth detaches them. */
export class Heap {
  readonly #exports: EngineExports;
  #bytes = new Uint8Array();
  #words = new DataView(this.#bytes.buffer);

  constructor(exports: EngineExports) {
    this.#exports = exports;
  }

  /** Bytes of linear memory now. */
  get size(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  /** Lets go of the memory, which is lost. */
  forget(): void {
    this.#bytes = empty;
    this.#words = new DataView(empty.buffer);
  }

  /** `offset`: bytes behind `address`. */
  write(address: BytesPointer, bytes: ArrayLike<number>, offset = 0): void {
    this.#view().set(bytes, address + offset);
  }

  /** Copies into a block of its own, wiped and freed at the end of the `using` scope. */
  copyIn(bytes: Uint8Array): HeapBytes {
    const address = this.#exports.malloc(Math.max(bytes.length, 1));
    if (address === 0) throw new RangeError('the TLS engine is out of memory');
    this.write(address, bytes);
    return new HeapBytes(address, bytes.length, () => {
      this.#view().fill(0, address, address + bytes.length);
      this.#exports.free(address);
    });
  }

  /** Copies a string in, with its final zero. */
  copyText(text: string): HeapBytes {
    if (text.includes('\0')) throw new TypeError('text for OpenSSL must not contain a zero byte');
    return this.copyIn(encoder.encode(`${text}\0`));
  }

  /** Copies a log's content out, then wipes and empties it; of the memory, only little is kept for the next. */
  takeLog(log: Pointer<'ktls_log'> | Pointer<'ktls_engine'>): Uint8Array<ArrayBuffer> {
    const view = this.#view();
    const words = this.#words;
    const length = words.getUint32(log + logLengthOffset, true);
    if (length === 0) return empty;
    const address = words.getUint32(log + logDataOffset, true);
    // It may hold keys.
    const taken = copySecret(view.subarray(address, address + length));
    view.fill(0, address, address + length);
    words.setUint32(log + logLengthOffset, 0, true);
    if (words.getUint32(log + logCapacityOffset, true) > keptCapacity) this.#exports.ktls_log_free(log);
    return taken;
  }

  #view(): Uint8Array {
    const { buffer } = this.#exports.memory;
    if (this.#bytes.buffer !== buffer) {
      this.#bytes = new Uint8Array(buffer);
      this.#words = new DataView(buffer);
    }
    return this.#bytes;
  }
}

/** A block of the heap that belongs to a `using` scope. */
export class HeapBytes {
  readonly address: BytesPointer;
  readonly length: number;
  readonly #release: () => void;

  constructor(address: BytesPointer, length: number, release: () => void) {
    this.address = address;
    this.length = length;
    this.#release = release;
  }

  [Symbol.dispose](): void {
    this.#release();
  }
}

const empty = new Uint8Array();
const encoder = new TextEncoder();
