import type { SuiteAead, SuiteProtection } from '../protocol/cipher-suites.ts';
import type { ProtocolVersionNumber } from '../protocol/version.ts';

export type AeadProtection = Extract<SuiteProtection, { kind: 'aead' }>;

/** Keys of one epoch of an AEAD. */
export interface AeadKeys {
  readonly version: ProtocolVersionNumber;
  readonly aead: SuiteAead;
  readonly tagLength: number;
  readonly key: Uint8Array;
  /** 12 bytes. Where records bring a part of their nonce, the first 4 of them are the rest. */
  readonly iv: Uint8Array;
}
