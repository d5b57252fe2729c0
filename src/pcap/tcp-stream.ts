import type { MemoryBudget } from './memory-budget.ts';

/** What comes next in a stream: bytes, or the knowledge that some are missing from the capture. */
export type StreamPiece = { readonly bytes: Uint8Array; readonly time: bigint } | Gap;

/** Bytes that were sent and are not in the capture. */
interface Gap {
  /** How many bytes. */
  readonly missing: number;
  /** When what stands behind them was captured. */
  readonly time: bigint;
}

/** What a segment has to say about one direction of a connection. */
export interface StreamSegment {
  readonly sequenceNumber: number;
  readonly time: bigint;
  readonly syn: boolean;
  readonly fin: boolean;
  readonly payload: Uint8Array;
  /** Longer than the payload where the capture cut the packet off. */
  readonly payloadLength: number;
}

/**
 * Puts one direction of a TCP connection back in order (RFC 9293 §3.4). What arrived first holds: retransmissions and overlaps add only
 * what was not there. Missing bytes are waited for until too much has been kept, or until {@link flush}; then they are a gap.
 */
export class TcpStream {
  readonly #budget: MemoryBudget;
  /** Position in the stream, in bytes from its start, of what is to come next; undefined before the first segment. */
  #position: number | undefined;
  /** The sequence number that belongs to #position. */
  #sequenceNumber = 0;
  /** What came too early, in order and without overlaps. */
  readonly #early: EarlyPiece[] = [];
  #kept = 0;
  #isOverBudget = false;
  #end: number | undefined;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  /** Whether everything up to the FIN was there. */
  get ended(): boolean {
    return this.#end !== undefined && this.#position !== undefined && this.#position >= this.#end;
  }

  /** Whether a SYN with this number would begin another connection. */
  isOther(initialSequenceNumber: number): boolean {
    if (this.#position === undefined) return false;
    return (this.#sequenceNumber - this.#position) >>> 0 !== (initialSequenceNumber + 1) >>> 0;
  }

  push(segment: StreamSegment): StreamPiece[] {
    const first = segment.sequenceNumber + (segment.syn ? 1 : 0);
    if (this.#position === undefined) {
      this.#position = 0;
      this.#sequenceNumber = first >>> 0;
    }
    const start = this.#position + distance(this.#sequenceNumber, first);
    const end = start + segment.payloadLength;
    if (segment.fin && end >= this.#position) this.#end ??= end;
    this.#keep(start, segment);
    const pieces = this.#deliver();
    if (this.#isOverBudget) return [...pieces, ...this.flush()];
    while (this.#early.length > maxEarlyPieces || this.#kept > maxKept) pieces.push(...this.#skip());
    return pieces;
  }

  /** All that is still there: nothing that is missing will come any more. */
  flush(): StreamPiece[] {
    const pieces: StreamPiece[] = [];
    while (this.#early.length > 0) pieces.push(...this.#skip());
    this.#isOverBudget = false;
    return pieces;
  }

  /** Adds those parts of a segment that are not there yet. */
  #keep(segmentStart: number, { payload, payloadLength, time }: StreamSegment): void {
    const segmentEnd = segmentStart + payloadLength;
    let start = Math.max(segmentStart, this.#position ?? 0);
    let index = this.#indexBehind(start);
    while (start < segmentEnd) {
      const next = this.#early[index];
      const end = Math.min(segmentEnd, next?.start ?? segmentEnd);
      if (start < end) {
        for (const piece of cut(payload, segmentStart, start, end)) {
          this.#insert(index, { ...piece, time });
          index++;
        }
      }
      start = Math.max(start, next?.end ?? segmentEnd);
      index++;
    }
  }

  #insert(index: number, { start, end, bytes, time }: Omit<EarlyPiece, 'kept'>): void {
    // What comes in order is handed on at once, as it is; the rest must not keep a whole chunk of the file alive.
    const kept = start === this.#position ? bytes : bytes?.slice();
    const wanted = start === this.#position ? 0 : (kept?.length ?? 0) + pieceOverhead;
    const size = this.#budget.take(wanted) ? wanted : 0;
    if (size < wanted) this.#isOverBudget = true;
    this.#kept += size;
    this.#early.splice(index, 0, { start, end, bytes: kept, time, kept: size });
  }

  /** Index of the first early piece that ends behind `position`. */
  #indexBehind(position: number): number {
    let low = 0;
    let high = this.#early.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#early[middle]?.end ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #deliver(): StreamPiece[] {
    let count = 0;
    let position = this.#position ?? 0;
    const delivered: StreamPiece[] = [];
    for (; this.#early[count]?.start === position; count++) {
      const piece = this.#early[count];
      if (piece === undefined) break;
      const { bytes, time, end } = piece;
      delivered.push(bytes === undefined ? { missing: end - position, time } : { bytes, time });
      this.#release(piece);
      position = end;
    }
    this.#early.splice(0, count);
    this.#advanceTo(position);
    return delivered;
  }

  /** Gives up on what is missing at the front. */
  #skip(): StreamPiece[] {
    const [front] = this.#early;
    if (front === undefined) return [];
    const missing = front.start - (this.#position ?? 0);
    this.#advanceTo(front.start);
    return [{ missing, time: front.time }, ...this.#deliver()];
  }

  #release({ kept }: EarlyPiece): void {
    this.#kept -= kept;
    this.#budget.give(kept);
  }

  #advanceTo(position: number): void {
    this.#sequenceNumber = (this.#sequenceNumber + position - (this.#position ?? 0)) >>> 0;
    this.#position = position;
  }
}

interface EarlyPiece {
  readonly start: number;
  readonly end: number;
  /** Undefined where the packet was cut off. */
  readonly bytes: Uint8Array | undefined;
  readonly time: bigint;
  /** How much of the budget it takes. */
  readonly kept: number;
}

/** From `start` to `end`: what was captured of the payload, and what was not. */
function* cut(
  payload: Uint8Array,
  payloadStart: number,
  start: number,
  end: number,
): Generator<Omit<EarlyPiece, 'time' | 'kept'>> {
  const captured = Math.min(end, payloadStart + payload.length);
  if (start < captured) {
    yield { start, end: captured, bytes: payload.subarray(start - payloadStart, captured - payloadStart) };
  }
  const from = Math.max(start, captured);
  if (from < end) yield { start: from, end, bytes: undefined };
}

/** How far `to` is ahead of `from`: sequence numbers wrap at 2^32, and what is further ahead than half of that is behind. */
function distance(from: number, to: number): number {
  return (to - from) | 0;
}

/** How much one direction may keep: more than a window that TCP's buffers usually allow. */
const maxKept = 8 * 2 ** 20;
const maxEarlyPieces = 4096;
/** What a piece takes beside its bytes, roughly. */
const pieceOverhead = 128;
