import type { TLSPlaintext } from '../protocol/content-type.ts';
import type { EpochOpener } from './epoch-opener.ts';

/** A record that was opened, and where it stands. */
export interface OpenedRecord extends TLSPlaintext {
  readonly epoch: number;
  readonly sequenceNumber: bigint;
}

/** The keys of one direction, from epoch to epoch. */
export interface DirectionKeys {
  /** Opens one whole record; undefined if nothing that is known opens it. */
  open(record: Uint8Array): OpenedRecord | undefined;
  /** Counts a record that is not in the capture, or not whole. */
  skip(): void;
  dispose(): void;
}

/** Opens a record with the keys of an epoch. */
export function openWith(keys: EpochOpener, epoch: number, record: Uint8Array): OpenedRecord | undefined {
  const { sequenceNumber } = keys;
  const opened = keys.open(record);
  return opened && { ...opened, epoch, sequenceNumber };
}
