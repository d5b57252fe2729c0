import { Alert } from '../protocol/alert.ts';
import type { ContentTypeByte } from '../protocol/content-type.ts';
import { ContentType } from '../protocol/content-type.ts';
import type { ProtocolVersionNumber } from '../protocol/version.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import type { RecordFault } from './protection.ts';
import { maxFragmentLength } from './protection.ts';

/** Type, legacy version and length: what stands in clear before every record (RFC 8446 §5.1). */
export const headerLength = 5;

/**
 * Longest record behind its header, by version (RFC 8446 §5.2, RFC 5246 §6.2.3). Before the version is known, TLS 1.2's
 * holds.
 */
export const maxCiphertextLengths: Readonly<Record<ProtocolVersionNumber, number>> = {
  [ProtocolVersion.tls12]: maxFragmentLength + 2048,
  [ProtocolVersion.tls13]: maxFragmentLength + 256,
};

/** No record is longer, its header included. */
export const longestRecord: number = headerLength + maxCiphertextLengths[ProtocolVersion.tls12];

export interface RecordHeader {
  readonly type: ContentTypeByte;
  /** `legacy_record_version`: 0x0303 once keys are in use, 0x0301 in most first records (RFC 8446 §5.1). */
  readonly version: number;
  /** Bytes behind the header. */
  readonly length: number;
}

/** Reads the header at `offset`; undefined if not all of it is there yet. */
export function readHeader(bytes: Uint8Array, offset: number): RecordHeader | undefined {
  if (bytes.length - offset < headerLength) return undefined;
  const at = (index: number): number => bytes[offset + index] ?? 0;
  return { type: at(0), version: (at(1) << 8) | at(2), length: (at(3) << 8) | at(4) };
}

/** Writes a header at the start of `output`, with the one legacy version that protected records have. */
export function writeHeader(output: Uint8Array, type: ContentTypeByte, length: number): void {
  output[0] = type;
  output[1] = ProtocolVersion.tls12 >> 8;
  output[2] = ProtocolVersion.tls12 & 0xff;
  output[3] = length >> 8;
  output[4] = length & 0xff;
}

/** Why nothing that begins like this can be a record, whatever state the connection is in; undefined if it can. */
export function headerFault(header: RecordHeader, maxCiphertextLength: number): RecordFault | undefined {
  const { type, version, length } = header;
  if (type < ContentType.changeCipherSpec || type > ContentType.applicationData) {
    // RFC 8446 §5: an unexpected record type is answered with unexpected_message. That includes heartbeat (24),
    // which nobody here ever offers (RFC 6520 §2).
    return {
      alert: Alert.unexpectedMessage,
      reason: `not a TLS record: ${describeType(type)}`,
      name: 'unexpected record',
    };
  }
  if (version >> 8 !== 3) {
    return { alert: Alert.decodeError, reason: `not a TLS record: version 0x${version.toString(16).padStart(4, '0')}` };
  }
  if (length > maxCiphertextLength) {
    return { alert: Alert.recordOverflow, reason: `record of ${length} bytes, at most ${maxCiphertextLength} allowed` };
  }
  return undefined;
}

/** Peers that speak HTTP or another protocol of text into a TLS port are common enough to name. */
function describeType(type: ContentTypeByte): string {
  const isLetter = (type >= 0x41 && type <= 0x5a) || (type >= 0x61 && type <= 0x7a);
  return isLetter ? `it begins with the letter ${String.fromCharCode(type)}` : `content type ${type}`;
}
