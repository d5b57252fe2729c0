import { nonceLength } from './aead.ts';
import { decodeUint64, encodeUint64 } from './sequence-number.ts';

/** AES-GCM in TLS 1.2: the part of the nonce that comes from the key block and never changes (RFC 5288 §3). */
export const saltLength = 4;

/** AES-GCM in TLS 1.2: the part of the nonce that each record carries in front of its ciphertext (RFC 5288 §3). */
export const explicitNonceLength = 8;

/** The nonce of TLS 1.3 (RFC 8446 §5.3) and of ChaCha20-Poly1305 in TLS 1.2 (RFC 7905 §2). */
export function implicitNonce(iv: Uint8Array, sequenceNumber: bigint): Uint8Array {
  const nonce = Uint8Array.from(iv);
  const view = new DataView(nonce.buffer, nonceLength - 8);
  view.setBigUint64(0, view.getBigUint64(0) ^ sequenceNumber);
  return nonce;
}

/** The nonce of an AES-GCM record of TLS 1.2 that carries `explicitNonce` (RFC 5288 §3). */
export function explicitNonce(iv: Uint8Array, explicit: Uint8Array): Uint8Array {
  const nonce = iv.slice();
  nonce.set(explicit, saltLength);
  return nonce;
}

/**
 * The IV for AES-GCM in TLS 1.2 `records` records later. RFC 5288 §3 asks only that explicit nonces never repeat; the
 * kernel counts them up from where it was told to start (tls_advance_record_sn), and so do we, or two records would
 * share a nonce after a handover.
 */
export function advanceExplicitNonce(iv: Uint8Array, records: bigint): Uint8Array {
  const explicit = decodeUint64(iv.subarray(saltLength));
  return explicitNonce(iv, encodeUint64(BigInt.asUintN(64, explicit + records)));
}
