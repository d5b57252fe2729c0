import type { ContentTypeByte } from '../protocol/content-type.ts';
import { ContentType } from '../protocol/content-type.ts';
import type { ProtocolVersionNumber } from '../protocol/version.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { tagLength } from './aead.ts';
import { headerLength, maxCiphertextLengths } from './header.ts';
import { explicitNonceLength } from './nonce.ts';
import { encodeUint64 } from './sequence-number.ts';
import type { KernelAeadName } from './traffic-keys.ts';

/** What one version and AEAD put around a fragment to make a protected record. */
export interface RecordFraming {
  /** Bytes of nonce in front of the ciphertext: none where it follows from the sequence number. */
  readonly explicitNonceLength: number;
  /** TLS 1.3: the real type ends the plaintext, and the header says application data (RFC 8446 §5.2). */
  readonly hidesType: boolean;
  /** Bytes that a record is longer than its fragment, without padding. */
  readonly overhead: number;
  /** Longest record behind its header. */
  readonly maxCiphertextLength: number;
}

export function recordFraming(version: ProtocolVersionNumber, aead: KernelAeadName): RecordFraming {
  const hidesType = version === ProtocolVersion.tls13;
  // RFC 7905 §2: ChaCha20-Poly1305 has no explicit nonce in TLS 1.2 either.
  const nonce = hidesType || aead === 'chacha20-poly1305' ? 0 : explicitNonceLength;
  return {
    explicitNonceLength: nonce,
    hidesType,
    overhead: headerLength + nonce + (hidesType ? 1 : 0) + tagLength,
    maxCiphertextLength: maxCiphertextLengths[version],
  };
}

/**
 * What is authenticated but not encrypted. TLS 1.3: the record's header (RFC 8446 §5.2). TLS 1.2: the sequence number,
 * then a header with the plaintext's length (RFC 5246 §6.2.3.3).
 */
export function additionalData(
  framing: RecordFraming,
  header: Uint8Array,
  sequenceNumber: bigint,
  plaintextLength: number,
): Uint8Array {
  if (framing.hidesType) return header;
  const bytes = new Uint8Array(8 + headerLength);
  bytes.set(encodeUint64(sequenceNumber));
  bytes.set(header, 8);
  bytes[11] = plaintextLength >> 8;
  bytes[12] = plaintextLength & 0xff;
  return bytes;
}

/** The type that a record's header shows. */
export function outerType(framing: RecordFraming, type: ContentTypeByte): ContentTypeByte {
  return framing.hidesType ? ContentType.applicationData : type;
}
