import type { TLSPlaintext } from '../../protocol/content-type.ts';

/** The keys under which one direction's records of one epoch are opened. */
export interface EpochOpener {
  /** Number of the next record. To be set where records are missing. */
  sequenceNumber: bigint;
  /** Opens one whole record. Undefined: it is not the next record under these keys; another may be tried. */
  open(record: Uint8Array): TLSPlaintext | undefined;
  dispose(): void;
}
