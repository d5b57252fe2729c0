import type { SuiteAead } from '../protocol/cipher-suites.ts';
import type { RecordOpener } from '../record/protection.ts';
import type { AeadName, TrafficKeys } from '../record/traffic-keys.ts';

/** The cryptography that decryption needs, from outside: nothing in this folder knows of node:crypto. */
export interface CaptureCryptography {
  /** HMAC (RFC 2104) of the parts of `data`, taken as one. */
  hmac(hash: HashName, key: Uint8Array, data: readonly Uint8Array[]): Uint8Array;
  /** Opens records with an AEAD, which may be another than `keys` name: see {@link framedAs}. */
  opener(keys: TrafficKeys, aead: SuiteAead): RecordOpener;
  /** Decrypts whole blocks in CBC mode; padding stays. */
  decryptBlocks(
    cipher: 'aes-128-cbc' | 'aes-256-cbc',
    key: Uint8Array,
    iv: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array;
}

type HashName = 'sha1' | 'sha256' | 'sha384';

/** The AEAD whose records have the same form: AES-CCM's have that of AES-GCM with the same key length (RFC 6655 §3, RFC 8446 §5.3). */
export function framedAs(aead: SuiteAead): AeadName {
  if (aead === 'aes-128-ccm') return 'aes-128-gcm';
  return aead === 'aes-256-ccm' ? 'aes-256-gcm' : aead;
}
