import { maxFragmentLength } from './protection.ts';

/**
 * Splits `bytes` into fragments of at most `limit` bytes each, all but the last full (RFC 8446 §5.1). They are views.
 * No bytes are one empty fragment, as an empty record is still a record.
 */
export function* fragments(bytes: Uint8Array, limit: number = maxFragmentLength): Generator<Uint8Array, void> {
  checkLimit(limit);
  let offset = 0;
  do {
    yield bytes.subarray(offset, offset + limit);
    offset += limit;
  } while (offset < bytes.length);
}

/** How many fragments {@link fragments} makes of `length` bytes. */
export function fragmentCount(length: number, limit: number = maxFragmentLength): number {
  checkLimit(limit);
  return Math.max(1, Math.ceil(length / limit));
}

function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > maxFragmentLength) {
    throw new RangeError(`A fragment limit must be a whole number from 1 to ${maxFragmentLength}, not ${limit}`);
  }
}
