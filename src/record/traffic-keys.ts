import type { ProtocolVersionNumber } from '../protocol/version.ts';

/** AEAD algorithms that records can leave OpenSSL with, by node:crypto's names. */
export type AeadName = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';

/** All that one direction needs to protect its next record. Secret: wipe with {@link wipeTrafficKeys}. */
export interface TrafficKeys {
  readonly version: ProtocolVersionNumber;
  readonly aead: AeadName;
  readonly key: Uint8Array;
  /**
   * 12 bytes. TLS 1.3 and ChaCha20-Poly1305: XORed with the sequence number (RFC 8446 §5.3, RFC 7905 §2).
   * AES-GCM in TLS 1.2: 4 bytes of salt, then the explicit nonce of record number `sequenceNumber` (RFC 5288 §3),
   * which counts up with each record as the kernel does it.
   */
  readonly iv: Uint8Array;
  /** Number of the next record. */
  readonly sequenceNumber: bigint;
}
