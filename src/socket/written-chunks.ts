import { Buffer } from 'node:buffer';
import { maxFragmentLength } from '../record/protection.ts';

/** What a stream is given to write. */
export function toBytes(chunk: Uint8Array | string, encoding: BufferEncoding): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
}

/** As {@link toBytes}. */
export function bytesOf({ chunk, encoding }: { chunk: Uint8Array | string; encoding: BufferEncoding }): Uint8Array {
  return toBytes(chunk, encoding);
}

/** The same bytes, for applications. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** What is written at once. `borrowed`: memory of its parts, to be {@link giveBack given back} once nobody needs them any more. */
export interface Gathered {
  readonly parts: readonly Uint8Array[];
  readonly borrowed: Borrowed[];
}

/**
 * Joins chunks that would not fill records, as a header and a short body, or HTTP/2's frames, each of which comes with a header of its own. A
 * longer one stays as it is, since copying it would cost more than another record does. None of the parts is empty.
 */
export function gather(chunks: readonly Uint8Array[]): Gathered {
  const [only] = chunks;
  if (only && chunks.length === 1) return { parts: only.length > 0 ? [only] : [], borrowed: [] };
  const parts: Uint8Array[] = [];
  const borrowed: Borrowed[] = [];
  let run: Uint8Array[] = [];
  let length = 0;
  const finish = (): void => {
    if (!isWorthJoining(run, length)) parts.push(...run);
    else if (length <= maxFragmentLength) parts.push(join(run, Buffer.allocUnsafe(length)));
    else {
      const block = spare.pop() ?? new Uint8Array(joinedLength);
      borrowed.push({ block, length });
      parts.push(join(run, block).subarray(0, length));
    }
    run = [];
    length = 0;
  };
  for (const chunk of chunks) {
    if (chunk.length === 0) continue;
    if (chunk.length > maxFragmentLength || length + chunk.length > joinedLength) finish();
    if (chunk.length > maxFragmentLength) parts.push(chunk);
    else {
      run.push(chunk);
      length += chunk.length;
    }
  }
  finish();
  return { parts, borrowed };
}

interface Borrowed {
  readonly block: Uint8Array;
  /** How many of its bytes are in use. */
  readonly length: number;
}

/** They would fill fewer records together. */
function isWorthJoining(run: readonly Uint8Array[], length: number): boolean {
  return Math.ceil(length / maxFragmentLength) < run.length;
}

/** What is much goes into memory that is used again: each new 64 KiB are a part of a garbage collection. */
function join(run: readonly Uint8Array[], block: Uint8Array): Uint8Array {
  let at = 0;
  for (const chunk of run) {
    block.set(chunk, at);
    at += chunk.length;
  }
  return block;
}

/** Wipes it, and has others use it: once, however often it is given back. */
export function giveBack(borrowed: Borrowed[]): void {
  for (let one = borrowed.pop(); one; one = borrowed.pop()) {
    // What was written is nobody else's to see.
    one.block.fill(0, 0, one.length);
    if (spare.length < mostSpare) spare.push(one.block);
  }
}

const spare: Uint8Array[] = [];
const mostSpare = 8;
/** Bytes: what node:http2 writes at once. */
const joinedLength = 80 * 1024;
