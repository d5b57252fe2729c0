import type { AeadName } from './traffic-keys.ts';

/** Length of the authentication tag of every AEAD here, in bytes (RFC 5116 §5.1, RFC 8439 §2.8). */
export const tagLength = 16;

/** Length of the nonce of every AEAD here, in bytes (RFC 5116 §5.1, RFC 8439 §2.8). */
export const nonceLength = 12;

/** Key lengths in bytes. */
export const keyLengths: Readonly<Record<AeadName, number>> = {
  'aes-128-gcm': 16,
  'aes-256-gcm': 32,
  'chacha20-poly1305': 32,
};

/**
 * Authenticated encryption with one key (RFC 5116 §2), for the software record layer to build on. Choosing nonces is
 * the caller's duty. No argument is changed, except `output`, and none is kept.
 */
export interface Aead {
  /**
   * Seals the parts of `plaintext`, taken as one, and fills `output` with the ciphertext and the tag behind it: exactly
   * as long as all parts and {@link tagLength} together. The parts spare TLS 1.3 a copy of each fragment just to put
   * one byte behind it.
   */
  seal(nonce: Uint8Array, additionalData: Uint8Array, plaintext: readonly Uint8Array[], output: Uint8Array): void;
  /** Returns the plaintext, the caller's own; undefined if the tag does not fit: no plaintext is left behind then. */
  open(nonce: Uint8Array, additionalData: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array | undefined;
  /** Gives the key up. The object is of no use after. */
  dispose(): void;
}
