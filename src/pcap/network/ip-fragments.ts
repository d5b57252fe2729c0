import type { Fragment } from './ip.ts';

/** What a part came to: the whole packet, or nothing yet, or why it is dropped. */
export type Reassembly = { readonly whole: Uint8Array } | { readonly dropped: string } | undefined;

/**
 * Puts packets of IP together from their fragments (RFC 791 §3.2, RFC 8200 §4.5). What waits is bounded in packets, bytes, fragments of each
 * and time, so that a capture full of fragments that never meet costs no more than that. Parts that overlap drop their packet, as they do
 * at its receiver (RFC 5722 §4, and Linux for IPv4 as well); another copy of a part changes nothing.
 */
export class IpFragments {
  /** Those that wait longest are the first in the map. */
  readonly #packets = new Map<string, Waiting>();
  #kept = 0;
  #abandoned = 0;

  /** Fragments whose packet was given up or will not be whole any more. */
  get incomplete(): number {
    let count = this.#abandoned;
    for (const { parts } of this.#packets.values()) count += parts.length;
    return count;
  }

  /** `key` tells packets apart: addresses, protocol and number. */
  push(key: string, { offset, hasMore }: Omit<Fragment, 'id'>, bytes: Uint8Array, time: bigint): Reassembly {
    this.#expire(time);
    const waiting = this.#packets.get(key) ?? { parts: [], size: 0, end: undefined, since: time };
    const end = offset + bytes.length;
    // RFC 8200 §4.5: all but the last are multiples of 8.
    if (end > longestPacket || (hasMore && bytes.length % 8 !== 0) || bytes.length === 0) {
      return { dropped: 'broken IP fragments' };
    }
    if (waiting.parts.some((part) => part.start <= offset && end <= part.start + part.bytes.length)) return undefined;
    const overlaps = waiting.parts.some((part) => part.start < end && offset < part.start + part.bytes.length);
    const known = waiting.end;
    const isBeyond = known === undefined ? !hasMore && reach(waiting) > end : end > known || !hasMore;
    if (overlaps || isBeyond || waiting.parts.length >= maxParts) {
      this.#abandon(key, waiting);
      return { dropped: 'overlapping IP fragments' };
    }
    if (!hasMore) waiting.end = end;
    this.#packets.set(key, waiting);
    // A copy: what was given belongs to a chunk of the file.
    waiting.parts.push({ start: offset, bytes: bytes.slice() });
    waiting.size += bytes.length;
    this.#kept += bytes.length + partOverhead;
    if (waiting.size === waiting.end) return { whole: this.#take(key, waiting) };
    this.#limit();
    return undefined;
  }

  #take(key: string, waiting: Waiting): Uint8Array {
    const whole = new Uint8Array(waiting.size);
    for (const { start, bytes } of waiting.parts) whole.set(bytes, start);
    this.#remove(key, waiting);
    return whole;
  }

  #expire(time: bigint): void {
    for (const [key, waiting] of this.#packets) {
      if (time - waiting.since <= longestWait) return;
      this.#abandon(key, waiting);
    }
  }

  #limit(): void {
    for (const [key, waiting] of this.#packets) {
      if (this.#packets.size <= maxPackets && this.#kept <= maxKept) return;
      this.#abandon(key, waiting);
    }
  }

  #abandon(key: string, waiting: Waiting): void {
    this.#abandoned += waiting.parts.length;
    this.#remove(key, waiting);
  }

  #remove(key: string, waiting: Waiting): void {
    this.#packets.delete(key);
    this.#kept -= waiting.size + waiting.parts.length * partOverhead;
  }
}

/** Where the part that is furthest behind ends. */
function reach({ parts }: Waiting): number {
  return parts.reduce((furthest, { start, bytes }) => Math.max(furthest, start + bytes.length), 0);
}

interface Waiting {
  readonly parts: { readonly start: number; readonly bytes: Uint8Array }[];
  size: number;
  /** Where the last part ends; undefined before it has come. */
  end: number | undefined;
  readonly since: bigint;
}

/** RFC 8200 §4.5: a receiver waits 60 seconds. */
const longestWait = 60_000_000_000n;
const longestPacket = 65_535;
const maxPackets = 1024;
/** 65,535 bytes in pieces of 256, of which no network makes smaller ones. */
const maxParts = 256;
const maxKept = 16 * 2 ** 20;
const partOverhead = 128;
