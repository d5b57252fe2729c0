import type { StreamPiece } from '../pcap/tcp-stream.ts';
import { ContentType } from '../protocol/content-type.ts';
import { headerLength, readHeader } from '../record/header.ts';
import { RecordBuffer } from '../record/record-buffer.ts';
import { RecordSearch } from './record-search.ts';

/** What a direction of a connection holds, record by record. */
export type StreamRecord =
  /** A whole record with its header: a view that holds until the next piece is pushed. */
  | { readonly kind: 'record'; readonly record: Uint8Array; readonly time: bigint }
  /** A record that the capture has only parts of. */
  | { readonly kind: 'lost'; readonly time: bigint }
  /** It is not known where the next record begins, and why. */
  | { readonly kind: 'broken'; readonly reason: string; readonly time: bigint }
  /** Records were found again, behind so many bytes that may have been others. */
  | { readonly kind: 'resumed'; readonly lost: number; readonly time: bigint };

/**
 * Finds TLS records in one direction of a TCP connection. What stands before them, of another protocol (STARTTLS, a proxy's CONNECT), is
 * passed over: TLS begins where a piece begins like a hello or an alert.
 */
export class RecordStream {
  readonly #buffer = new RecordBuffer();
  /** A first piece too short to tell. */
  #start = new Uint8Array();
  #state: 'before' | 'records' | 'searching' | 'broken' = 'before';
  #sawProtected = false;
  #search: RecordSearch | undefined;
  /** Bytes since records were last found. */
  #lost = 0;
  /** Bytes still to come of a record that lacks some. */
  #discarding = 0;

  /** Whether records were found. */
  get found(): boolean {
    return this.#state !== 'before';
  }

  /** Whether something like a protected record stood where none could be expected yet. */
  get startsLate(): boolean {
    return this.#state === 'before' && this.#sawProtected;
  }

  push(piece: StreamPiece): StreamRecord[] {
    if ('missing' in piece) return this.#pushGap(piece.missing, piece.time);
    return this.#pushBytes(piece.bytes, piece.time);
  }

  #pushBytes(bytes: Uint8Array, time: bigint): StreamRecord[] {
    if (this.#state === 'before') {
      const start = this.#start.length === 0 ? bytes : joined(this.#start, bytes);
      this.#start = new Uint8Array();
      const judgement = judgeStart(start);
      if (judgement === 'short') this.#start = start.slice();
      else if (judgement === 'tls') this.#state = 'records';
      else if (judgement === 'protected') this.#sawProtected = true;
      return this.#state === 'records' ? this.#pushRecords(start, time) : [];
    }
    if (this.#state === 'searching') return this.#pushSearched(bytes, time);
    return this.#state === 'records' ? this.#pushRecords(bytes, time) : [];
  }

  #pushSearched(bytes: Uint8Array, time: bigint): StreamRecord[] {
    const found = this.#search?.push(bytes);
    if (found === undefined) return [];
    this.#state = 'records';
    const lost = this.#lost + (this.#search?.passed ?? 0);
    return [{ kind: 'resumed', lost, time }, ...this.#pushRecords(found, time)];
  }

  #pushRecords(bytes: Uint8Array, time: bigint): StreamRecord[] {
    const discarded = Math.min(this.#discarding, bytes.length);
    this.#discarding -= discarded;
    const records: StreamRecord[] = [];
    if (discarded > 0 && this.#discarding === 0) records.push({ kind: 'lost', time });
    this.#buffer.push(bytes.subarray(discarded));
    for (let record = this.#buffer.firstRecord(); record; record = this.#buffer.firstRecord()) {
      records.push({ kind: 'record', record, time });
      this.#buffer.consume(record.length);
    }
    const { fault } = this.#buffer;
    // Where records were searched for, what was found may have been none.
    if (fault !== undefined)
      records.push(this.#break(fault.reason, time, this.#search === undefined ? 'broken' : 'searching'));
    else this.#buffer.retain();
    return records;
  }

  #pushGap(missing: number, time: bigint): StreamRecord[] {
    this.#start = new Uint8Array();
    if (this.#state === 'searching') {
      this.#lost += missing;
      this.#search?.gap();
    }
    if (this.#state !== 'records') return [];
    if (this.#discarding === 0) {
      // Only where a header has told how long the record is can one tell where the next begins.
      if (this.#buffer.length < headerLength) return [this.#loseTrack(missing, time)];
      this.#discarding = this.#buffer.missing;
      this.#buffer.takeAll();
    }
    if (missing > this.#discarding) return [this.#loseTrack(missing, time)];
    this.#discarding -= missing;
    return this.#discarding === 0 ? [{ kind: 'lost', time }] : [];
  }

  #loseTrack(missing: number, time: bigint): StreamRecord {
    this.#lost = missing;
    return this.#break(`${missing} bytes are missing from the capture, and records with them`, time, 'searching');
  }

  #break(reason: string, time: bigint, state: 'broken' | 'searching'): StreamRecord {
    this.#state = state;
    if (state === 'searching') {
      this.#search = new RecordSearch();
      this.#lost += this.#buffer.length + this.#discarding;
    }
    this.#discarding = 0;
    this.#buffer.takeAll();
    return { kind: 'broken', reason, time };
  }
}

/** A piece may be longer than a call has arguments. */
function joined(start: Uint8Array, bytes: Uint8Array): Uint8Array {
  const all = new Uint8Array(start.length + bytes.length);
  all.set(start);
  all.set(bytes, start.length);
  return all;
}

function judgeStart(start: Uint8Array): 'tls' | 'protected' | 'other' | 'short' {
  const [type, major] = start;
  if (type === undefined) return 'short';
  if (type < ContentType.changeCipherSpec || type > ContentType.applicationData) return 'other';
  if (major !== undefined && major !== 3) return 'other';
  const header = readHeader(start, 0);
  const first = start[headerLength];
  if (header === undefined || first === undefined) return 'short';
  if (type === ContentType.handshake) return first === 1 || first === 2 ? 'tls' : 'other';
  if (type === ContentType.alert) return header.length === 2 ? 'tls' : 'other';
  return type === ContentType.applicationData && header.length > 16 ? 'protected' : 'other';
}
