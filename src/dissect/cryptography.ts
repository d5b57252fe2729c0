import type { HashName, Hmac } from '../key-schedule/hmac.ts';
import type { CbcCipher, SuiteAead, SuiteProtection } from '../protocol/cipher-suites.ts';

/** The cryptography that decryption needs, from outside: nothing in this room knows of node:crypto. */
export interface CaptureCryptography {
  /** Whether it is there: a FIPS provider, or another library than OpenSSL, may not have all. */
  supports(protection: SuiteProtection): boolean;
  /** Of the parts of `data`, taken as one. */
  hash(hash: HashName, data: readonly Uint8Array[]): Uint8Array;
  readonly hmac: Hmac;
  aead(name: SuiteAead, key: Uint8Array, tagLength: number): AeadOpening;
  /** Decrypts whole blocks in CBC mode; padding stays. */
  decryptBlocks(cipher: CbcCipher, key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array;
}

/** One key of an AEAD (RFC 5116 §2.2). */
export interface AeadOpening {
  /** The plaintext, the caller's own; undefined if the tag does not fit. */
  open(nonce: Uint8Array, additionalData: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array | undefined;
  /** Gives the key up. The object is of no use after. */
  dispose(): void;
}

/** An RSA key that opens premaster secrets (RFC 5246 §7.4.7.1). */
export interface PremasterOpener {
  /** The secret's 48 bytes, the caller's own; undefined if it was encrypted for another key. */
  open(encrypted: Uint8Array): Uint8Array | undefined;
}
