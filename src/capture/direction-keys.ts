import type { TLSPlaintext } from '../protocol/content-type.ts';
import type { EpochOpener } from './epoch-opener.ts';

/** A record that was opened, and where it stands. */
export interface OpenedRecord extends TLSPlaintext {
  readonly epoch: number;
  readonly sequenceNumber: bigint;
}

/** The keys of one direction, from epoch to epoch. */
export interface DirectionKeys {
  /**
   * Opens one whole record; undefined if nothing that is known opens it. At most `lost` records may be missing before it: then it tells its
   * number by what opens it.
   */
  open(record: Uint8Array, lost?: number): OpenedRecord | undefined;
  /** Counts a record that is not in the capture, or not whole. */
  skip(): void;
  dispose(): void;
}

/** Opens a record with the keys of an epoch, before which at most `lost` others are missing. */
export function openWith(keys: EpochOpener, epoch: number, record: Uint8Array, lost: number): OpenedRecord | undefined {
  const next = keys.sequenceNumber;
  for (let skipped = 0; skipped <= lost; skipped++) {
    const sequenceNumber = next + BigInt(skipped);
    keys.sequenceNumber = sequenceNumber;
    const opened = keys.open(record);
    if (opened !== undefined) return { ...opened, epoch, sequenceNumber };
  }
  keys.sequenceNumber = next;
  return undefined;
}
