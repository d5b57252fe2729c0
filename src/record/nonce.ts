import { copySecret } from '../protocol/secret-bytes.ts';
import { nonceLength } from './aead.ts';
import { decodeUint64, encodeUint64 } from './sequence-number.ts';

/** AES-GCM in TLS 1.2: the part of the nonce that comes from the key block and never changes (RFC 5288 §3). */
export const saltLength = 4;

/** AES-GCM in TLS 1.2: the part of the nonce that each record carries in front of its ciphertext (RFC 5288 §3). */
export const explicitNonceLength = 8;

/**
 * Makes `nonce` that of TLS 1.3 (RFC 8446 §5.3) and of ChaCha20-Poly1305 in TLS 1.2 (RFC 7905 §2). It is as secret as the IV: that of a key's
 * first record is the IV.
 */
export function setImplicitNonce(nonce: Uint8Array, iv: Uint8Array, sequenceNumber: bigint): void {
  nonce.set(iv);
  const view = new DataView(nonce.buffer, nonce.byteOffset + nonceLength - 8);
  view.setBigUint64(0, view.getBigUint64(0) ^ sequenceNumber);
}

/** The nonce of an AES-GCM record of TLS 1.2 that carries `explicitNonce` (RFC 5288 §3). */
export function explicitNonce(iv: Uint8Array, explicit: Uint8Array): Uint8Array {
  const nonce = copySecret(iv);
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

/** Adds one to a number of any length, in place. */
export function countUp(number: Uint8Array): void {
  for (let at = number.length - 1; at >= 0; at--) {
    const byte = ((number[at] ?? 0) + 1) & 0xff;
    number[at] = byte;
    if (byte !== 0) return;
  }
}
