/** Groups of the key exchange (RFC 8446 §4.2.7, draft-ietf-tls-ecdhe-mlkem), by OpenSSL's names. */
export const NamedGroup = {
  'P-256': 0x0017,
  'P-384': 0x0018,
  X25519: 0x001d,
  SecP256r1MLKEM768: 0x11eb,
  X25519MLKEM768: 0x11ec,
} as const;
