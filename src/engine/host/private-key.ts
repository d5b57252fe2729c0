/** Digests of signatures, by node:crypto's names. */
export type DigestName = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512' | 'md5-sha1';

/** How a signature is made. */
export interface SignatureScheme {
  /** Name of the digest as node:crypto has it; none for EdDSA. */
  readonly digest: DigestName | undefined;
  /** RSA with PSS padding, salts as long as the digest (RFC 8446 §4.2.3), and not PKCS #1 v1.5. */
  readonly isPss: boolean;
}

/** A private key, which stays with whoever made this. Methods answer undefined for what they cannot do. */
export interface PrivateKey {
  sign(bytes: Uint8Array, scheme: SignatureScheme): Uint8Array | undefined;
  /**
   * RSA key exchange: the 48 bytes of the premaster secret (RFC 5246 §7.4.7.1), random ones if they do not begin with `version`.
   * Must not show in any way whether the padding was right.
   */
  decryptPremaster(ciphertext: Uint8Array, version: number): Uint8Array | undefined;
}

/** Whether a signature is right; undefined: OpenSSL has to find out itself. `key` is a DER SubjectPublicKeyInfo. */
export type VerifySignature = (
  key: Uint8Array,
  bytes: Uint8Array,
  signature: Uint8Array,
  scheme: SignatureScheme,
) => boolean | undefined;
