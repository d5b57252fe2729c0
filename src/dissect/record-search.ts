import { isSupported } from '../protocol/tls-version.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { tagLength } from '../record/aead.ts';
import { headerFault, headerLength, maxCiphertextLengths, readHeader } from '../record/header.ts';

/**
 * Looks for the next record where bytes are missing and nothing tells where it begins: at a header with another one behind its record,
 * or whose record ends where a segment does. That may be wrong, which shows when the record does not authenticate.
 */
export class RecordSearch {
  #bytes: Uint8Array = new Uint8Array();
  #passed = 0;

  /** Bytes that were looked at and are before the place that was found. */
  get passed(): number {
    return this.#passed;
  }

  /** What there is from the next record on; undefined if it was not found yet. */
  push(bytes: Uint8Array): Uint8Array | undefined {
    const all = new Uint8Array(this.#bytes.length + bytes.length);
    all.set(this.#bytes);
    all.set(bytes, this.#bytes.length);
    let at = 0;
    for (; at < all.length; at++) {
      const end = recordEnd(all, at);
      if (end === 'unknown') break;
      if (end === undefined) continue;
      const next = end === all.length ? end : recordEnd(all, end);
      if (next === 'unknown') break;
      if (next === undefined) continue;
      this.#passed += at;
      this.#bytes = new Uint8Array();
      return all.subarray(at);
    }
    this.#passed += at;
    // Never more than a record and two headers.
    this.#bytes = all.slice(at);
    return undefined;
  }

  /** Bytes are missing here, too. */
  gap(): void {
    this.#passed += this.#bytes.length;
    this.#bytes = new Uint8Array();
  }
}

/** Where a record that begins at `at` would end; undefined if none can, 'unknown' if there are too few bytes to tell. */
function recordEnd(bytes: Uint8Array, at: number): number | 'unknown' | undefined {
  const header = readHeader(bytes, at);
  if (header === undefined) return 'unknown';
  if (!isSupported(header.version) || header.length <= tagLength) return undefined;
  return headerFault(header, maxLength) === undefined ? at + headerLength + header.length : undefined;
}

const maxLength = maxCiphertextLengths[ProtocolVersion.tls12];
