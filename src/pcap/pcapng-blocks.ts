/** Numbers of the format (draft-ietf-opsawg-pcapng) that its reader and its writer share. */
export const BlockType = {
  sectionHeader: 0x0a0d0d0a,
  interfaceDescription: 1,
  obsoletePacket: 2,
  simplePacket: 3,
  enhancedPacket: 6,
  decryptionSecrets: 10,
} as const;

/** Of interfaces (§4.2), apart from the first, which ends the options of any block (§3.5). */
export const OptionCode = { end: 0, timeResolution: 9, timeOffset: 14 } as const;

/** By the order of its bytes a reader learns that of a section (§4.1). */
export const byteOrderMagic = 0x1a2b3c4d;

/** secrets_type of a TLS key log: "TLSK" (§4.7). */
export const tlsKeyLog = 0x544c534b;
