import type { ProtocolVersionNumber } from '../protocol/version.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { headerFault, headerLength, maxCiphertextLengths, readHeader } from './header.ts';
import type { RecordFault } from './protection.ts';

/**
 * Finds records in a stream of chunks that know nothing of them.
 *
 * - **A few at a time**, for the handshake: `push(chunk)`, then {@link leadingRecords} and {@link consume} in turns.
 * - **All at once**, for RecordOpener.open: the same with {@link wholeRecords}. A record that came in several chunks is
 *   put together and handed out alone; then come all whole records of the chunk behind it as one view of it. So only
 *   records that were split are ever copied, and each once.
 *
 * What is handed out are views: of the pushed chunks, or of this buffer's own memory. They hold until `consume`. Chunks
 * are kept, and must not change, until they are consumed or {@link retain} is called.
 *
 * Memory is bounded by what is pushed and not consumed, plus one record: a header that announces more than a record may
 * have, or is none, is a {@link fault} as soon as it is there. The bytes stay, for OpenSSL to be shown
 * ({@link takeAll}): during the handshake it is the judge, and has answers for SSL 2.0 hellos and HTTP.
 */
export class RecordBuffer {
  #maxCiphertextLength: number = maxCiphertextLengths[ProtocolVersion.tls12];
  /** The first bytes of all, copied to where the whole record has room (or a header, while not even that is there). */
  #partial: Uint8Array | undefined;
  /** How many bytes of #partial are there. */
  #filled = 0;
  /** What follows, as it came. */
  readonly #chunks: Uint8Array[] = [];
  /** How many of #chunks, from the first, are this buffer's own. */
  #retained = 0;
  /** Bytes at the start of the first chunk that are known to be whole records: so that each record is walked over once. */
  #known = 0;

  /** Once the version is known, its limit on the length of records holds. */
  set version(version: ProtocolVersionNumber) {
    this.#maxCiphertextLength = maxCiphertextLengths[version];
    this.#known = 0;
  }

  /** Bytes pushed and not consumed. More than none at the end of the stream: it was cut off. */
  get length(): number {
    let length = this.#filled;
    for (const chunk of this.#chunks) length += chunk.length;
    return length;
  }

  get isEmpty(): boolean {
    return this.#chunks.length === 0 && this.#filled === 0;
  }

  /** Bytes that the record at the front still lacks: of its header first, then of all of it. */
  get missing(): number {
    const front = this.#frontBytes();
    const header = readHeader(front, 0);
    return Math.max(0, headerLength + (header?.length ?? 0) - front.length);
  }

  /** Why the bytes at the front are no record; undefined if they are, or may become one. */
  get fault(): RecordFault | undefined {
    return this.#judge(this.#frontBytes());
  }

  /**
   * `room`: how many bytes in front of `chunk`, in the same memory, may be overwritten. With enough of it, what was retained of a record is
   * put there, and is in one piece with the rest and with all that follows.
   */
  push(chunk: Uint8Array, room = 0): void {
    if (chunk.length === 0) return;
    const partial = this.#partial?.subarray(0, this.#filled);
    if (partial === undefined || partial.length > room || this.#chunks.length > 0) {
      this.#chunks.push(chunk);
      return;
    }
    const { length } = partial;
    const joined = new Uint8Array(chunk.buffer, chunk.byteOffset - length, length + chunk.length);
    joined.set(partial);
    this.#dropPartial();
    this.#chunks.push(joined);
  }

  /** The record at the front, with its header; undefined if it is not complete, or none (see {@link fault}). */
  firstRecord(): Uint8Array | undefined {
    return this.leadingRecords(0);
  }

  /** Whole records from the front that lie in one piece: as many as `mostBytes` hold, but at least one; undefined if there is none. */
  leadingRecords(mostBytes: number): Uint8Array | undefined {
    this.#joinPartial();
    if (this.#partial !== undefined) return this.#completePartial();
    const [front] = this.#chunks;
    if (front === undefined) return undefined;
    let end = this.#recordEnd(front, 0);
    for (let next = end; next !== undefined && next <= mostBytes; next = this.#recordEnd(front, next)) end = next;
    return end === undefined ? undefined : front.subarray(0, end);
  }

  /**
   * As many whole records from the front as lie in one piece; undefined if there is none. When they are consumed there
   * may be more: ask until there are none.
   */
  wholeRecords(): Uint8Array | undefined {
    this.#joinPartial();
    if (this.#partial !== undefined) return this.#completePartial();
    const [front] = this.#chunks;
    if (front === undefined) return undefined;
    for (let end = this.#recordEnd(front, this.#known); end !== undefined; end = this.#recordEnd(front, end))
      this.#known = end;
    if (this.#known === front.length) return front;
    return this.#known > 0 ? front.subarray(0, this.#known) : undefined;
  }

  /** Drops `length` bytes from the front: whole records of those last handed out. */
  consume(length: number): void {
    if (length === 0) return;
    if (this.#partial !== undefined) {
      if (length !== this.#completePartial()?.length) throw new RangeError('Only whole records can be consumed');
      this.#dropPartial();
      return;
    }
    const [front] = this.#chunks;
    if (front === undefined || length > front.length) throw new RangeError('Only whole records can be consumed');
    this.#cutFront(front, length);
  }

  /** Copies what still lies in chunks, so that their memory can be reused. Best called with no whole record left. */
  retain(): void {
    this.#joinPartial();
    const [front] = this.#chunks;
    const isPartial = front !== undefined && this.#recordEnd(front, 0) === undefined && this.fault === undefined;
    if (this.#retained === 0 && this.#partial === undefined && this.#chunks.length === 1 && isPartial) {
      this.#startPartial(front);
      this.#fillPartial();
    }
    for (; this.#retained < this.#chunks.length; this.#retained++) {
      // Not slice(): of a Buffer that would be a view.
      this.#chunks[this.#retained] = new Uint8Array(this.#chunks[this.#retained] ?? []);
    }
  }

  /** Removes and returns all bytes, records or not, for someone else to read on from. */
  takeAll(): Uint8Array {
    const pieces = this.#partial ? [this.#partial.subarray(0, this.#filled), ...this.#chunks] : [...this.#chunks];
    const [first] = pieces;
    const length = this.length;
    this.#dropPartial();
    this.#chunks.length = 0;
    this.#retained = 0;
    this.#known = 0;
    if (first !== undefined && pieces.length === 1) return first;
    const all = new Uint8Array(length);
    let offset = 0;
    for (const piece of pieces) {
      all.set(piece, offset);
      offset += piece.length;
    }
    return all;
  }

  /** What there is of the record at the front, and perhaps what follows it. */
  #frontBytes(): Uint8Array {
    this.#joinPartial();
    return this.#partial?.subarray(0, this.#filled) ?? this.#chunks[0] ?? new Uint8Array();
  }

  /** Where the whole record at `offset` ends; undefined if it is not complete or none. */
  #recordEnd(bytes: Uint8Array, offset: number): number | undefined {
    const header = readHeader(bytes, offset);
    if (header === undefined || headerFault(header, this.#maxCiphertextLength) !== undefined) return undefined;
    const end = offset + headerLength + header.length;
    return end <= bytes.length ? end : undefined;
  }

  #judge(bytes: Uint8Array): RecordFault | undefined {
    const header = readHeader(bytes, 0);
    return header && headerFault(header, this.#maxCiphertextLength);
  }

  /** Puts the first record together if it lies in more than one piece. */
  #joinPartial(): void {
    const [front, next] = this.#chunks;
    if (this.#partial === undefined) {
      if (front === undefined || next === undefined) return;
      if (this.#recordEnd(front, 0) !== undefined || this.#judge(front) !== undefined) return;
      this.#startPartial(front);
    }
    this.#fillPartial();
  }

  #startPartial(front: Uint8Array): void {
    const header = readHeader(front, 0);
    this.#partial = new Uint8Array(headerLength + (header?.length ?? 0));
    this.#filled = 0;
  }

  #fillPartial(): void {
    for (let [front] = this.#chunks; front !== undefined && this.#partial !== undefined; [front] = this.#chunks) {
      if (this.#filled === this.#partial.length && !this.#extendPartial(this.#partial)) return;
      const taken = front.subarray(0, this.#partial.length - this.#filled);
      this.#partial.set(taken, this.#filled);
      this.#filled += taken.length;
      this.#cutFront(front, taken.length);
    }
  }

  /** Makes room for the record behind a header that is now complete. Answers whether there is anything to fill. */
  #extendPartial(partial: Uint8Array): boolean {
    const header = readHeader(partial, 0);
    if (header === undefined || this.#judge(partial) !== undefined) return false;
    const length = headerLength + header.length;
    if (partial.length === length) return false;
    this.#partial = new Uint8Array(length);
    this.#partial.set(partial);
    return true;
  }

  #completePartial(): Uint8Array | undefined {
    const partial = this.#partial;
    return partial && this.#filled === partial.length && this.#recordEnd(partial, 0) ? partial : undefined;
  }

  #dropPartial(): void {
    this.#partial = undefined;
    this.#filled = 0;
  }

  #cutFront(front: Uint8Array, length: number): void {
    this.#known = Math.max(0, this.#known - length);
    if (length < front.length) {
      this.#chunks[0] = front.subarray(length);
    } else {
      // V8 shifts even a single element by a call of its runtime.
      if (this.#chunks.length === 1) this.#chunks.pop();
      else this.#chunks.shift();
      if (this.#retained > 0) this.#retained--;
    }
  }
}
