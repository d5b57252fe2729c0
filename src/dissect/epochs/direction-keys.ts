import type { MemoryBudget } from '../../pcap/memory-budget.ts';
import type { TLSPlaintext } from '../../protocol/content-type.ts';
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

/** How many records may be missing before one, and how often its number may be guessed: by all connections of a capture together. */
export interface Search {
  readonly lost: number;
  readonly guesses: MemoryBudget;
}

/** Opens a record with the keys of an epoch, before which others may be missing. */
export function openWith(
  keys: EpochOpener,
  epoch: number,
  record: Uint8Array,
  { lost, guesses }: Search,
): OpenedRecord | undefined {
  const next = keys.sequenceNumber;
  for (let skipped = 0; skipped === 0 || (skipped <= lost && guesses.take(1)); skipped++) {
    const sequenceNumber = next + BigInt(skipped);
    keys.sequenceNumber = sequenceNumber;
    const opened = keys.open(record);
    if (opened !== undefined) return { ...opened, epoch, sequenceNumber };
  }
  keys.sequenceNumber = next;
  return undefined;
}
