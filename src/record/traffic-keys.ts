import type { ProtocolVersionNumber } from '../protocol/version.ts';

/** AEAD algorithms that records can leave OpenSSL with, by node:crypto's names. */
export type AeadName = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';

/** AEADs that a kernel could take from OpenSSL; AES-128-CCM's records stay with OpenSSL all the same. */
export type KernelAeadName = AeadName | 'aes-128-ccm';

/** All that one direction needs to protect its next record. Secret: wipe with {@link wipeTrafficKeys}. */
export interface TrafficKeys<Name extends KernelAeadName = AeadName> {
  readonly version: ProtocolVersionNumber;
  readonly aead: Name;
  readonly key: Uint8Array;
  /**
   * 12 bytes. TLS 1.3 and ChaCha20-Poly1305: XORed with the sequence number (RFC 8446 §5.3, RFC 7905 §2).
   * AES-GCM and AES-CCM in TLS 1.2: 4 bytes of salt, then the explicit nonce of record number `sequenceNumber` (RFC 5288 §3),
   * which counts up with each record as the kernel does it.
   */
  readonly iv: Uint8Array;
  /** Number of the next record. */
  readonly sequenceNumber: bigint;
}
