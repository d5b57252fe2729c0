import type { CaptureFormat, CaptureItem } from './capture-item.ts';
import { Pcap } from './pcap.ts';
import { Pcapng } from './pcapng.ts';

/**
 * Reads a capture file, of either format, from chunks of any size. Memory is bounded by a chunk and one block of the file. Packets are
 * views: of the chunk, or of this reader's own memory. They hold until the next chunk is pushed, which may lie in the same memory.
 */
export class CaptureReader {
  #format: CaptureFormat | undefined;
  #rest: Uint8Array = new Uint8Array();
  /** Where what is left of a chunk is put together with the next: the same memory each time, as all of a file goes through it. */
  #room: Uint8Array = new Uint8Array();
  #ended = false;

  /** Whether the file may hold secrets: only pcapng has blocks for them. */
  get mayHoldSecrets(): boolean {
    return !this.#ended && !(this.#format instanceof Pcap);
  }

  /** Copies what is left of the chunk, whose memory may be used again from here on. */
  retain(): void {
    const { length } = this.#rest;
    if (length === 0 || this.#rest.buffer === this.#room.buffer) return;
    if (length > this.#room.length) this.#room = new Uint8Array(length);
    this.#room.set(this.#rest);
    this.#rest = this.#room.subarray(0, length);
  }

  /** What stands whole in the bytes so far. */
  push(chunk: Uint8Array): CaptureItem[] {
    if (this.#ended) return [];
    // A Buffer's slice() makes no copy, which everyone here relies on.
    const added = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const bytes = this.#rest.length === 0 ? added : this.#joined(added);
    this.#rest = bytes;
    if (this.#format === undefined) {
      if (bytes.length < magicLength) return [];
      this.#format = Pcapng.from(bytes) ?? Pcap.from(bytes);
      if (this.#format === undefined) return this.#end(notCapture(bytes));
    }
    const { consumed, items } = this.#format.read(bytes);
    if (consumed === 'end') this.#end();
    else this.#rest = bytes.subarray(consumed);
    return items;
  }

  /** What is to be said of bytes that are no whole packet, when there are no more. */
  end(): CaptureItem[] {
    if (this.#ended) return [];
    if (this.#format === undefined) return this.#end(notCapture(this.#rest));
    if (this.#rest.length === 0) return this.#end();
    return this.#end(`the file ends within a packet: its last ${this.#rest.length} bytes cannot be read`);
  }

  /** Nothing of what follows, or of what is there, is to be read. */
  stop(): void {
    this.#end();
  }

  #joined(added: Uint8Array): Uint8Array {
    const rest = this.#rest;
    const length = rest.length + added.length;
    // A packet of many chunks is not copied into a little more room with each of them.
    if (length > this.#room.length) this.#room = new Uint8Array(Math.max(length, 2 * rest.length));
    // It may lie there already, further behind.
    this.#room.set(rest);
    this.#room.set(added, rest.length);
    return this.#room.subarray(0, length);
  }

  #end(problem?: string): CaptureItem[] {
    this.#ended = true;
    this.#rest = new Uint8Array();
    this.#room = new Uint8Array();
    return problem === undefined ? [] : [{ kind: 'problem', reason: problem }];
  }
}

function notCapture(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'the file is empty';
  const start = [...bytes.subarray(0, magicLength)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `the file is neither pcap nor pcapng, it begins with ${start}`;
}

const magicLength = 4;
