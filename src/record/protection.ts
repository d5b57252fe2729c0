import type { AlertDescription } from '../protocol/alert.ts';
import type { ContentTypeByte, TLSPlaintext } from '../protocol/content-type.ts';

/** Largest fragment of one record, in bytes (RFC 8446 §5.1). */
export const maxFragmentLength = 16384;

/** Protects one direction's outgoing records with one key. */
export interface RecordSealer {
  /** Number of the next record (RFC 8446 §5.3). */
  readonly sequenceNumber: bigint;
  /**
   * Seals `fragment` as one record or, where it is longer than one may be, as several, and returns their wire bytes.
   * An empty fragment is one empty record. The result is the caller's; `fragment` is not kept.
   */
  seal(type: ContentTypeByte, fragment: Uint8Array): Uint8Array;
  /** The same into `output` from `offset` on, which must have room for {@link sealedLength}, where it answers how much that is. */
  sealInto(type: ContentTypeByte, fragment: Uint8Array, output: Uint8Array, offset: number): number;
  /** How long the records of a fragment of `length` bytes are. */
  sealedLength(length: number): number;
  /** Wipes the key. The object is of no use after. */
  dispose(): void;
}

/** Why records could not be opened: the peer's fault, answered with `alert`. Final for the direction. */
export interface RecordFault {
  readonly alert: AlertDescription;
  readonly reason: string;
  /** OpenSSL's name for it, where the alert alone does not tell which it is. */
  readonly name?: 'bad record type' | 'unexpected record';
}

/** What one call of {@link RecordOpener.open} found. */
export interface OpenedRecords {
  /** Bytes of `input` that were whole records and are done with. */
  readonly consumed: number;
  /**
   * The application data of the leading records, or of as many as lie in one piece: empty where these records are; undefined if there is no
   * such record. The caller's own.
   */
  readonly applicationData: Uint8Array | undefined;
  /** The first record that is not application data. Opening stops behind it: it may change the keys. */
  readonly control: TLSPlaintext | undefined;
  /** A record that could not be opened, behind the data and before any control record. Nothing can be opened after it. */
  readonly fault: RecordFault | undefined;
}

/** Opens one direction's incoming records with one key. */
export interface RecordOpener {
  /** Number of the next record (RFC 8446 §5.3). */
  readonly sequenceNumber: bigint;
  /**
   * Opens whole records at the start of `input`: call again with the rest until it consumes none. A partial record at the end is left
   * alone. `input` is not changed, not kept.
   */
  open(input: Uint8Array): OpenedRecords;
  /** Wipes the key. The object is of no use after. */
  dispose(): void;
}
