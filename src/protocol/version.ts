/** Protocol versions as they stand on the wire and in the kernel's crypto_info (RFC 8446 §4.1.2). */
export const ProtocolVersion = { tls12: 0x0303, tls13: 0x0304 } as const;

export type ProtocolVersionNumber = (typeof ProtocolVersion)[keyof typeof ProtocolVersion];
