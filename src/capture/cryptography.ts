import type { RecordOpener } from '../record/protection.ts';
import type { TrafficKeys } from '../record/traffic-keys.ts';

/** The cryptography that decryption needs, from outside: nothing in this folder knows of node:crypto. */
export interface CaptureCryptography {
  /** HMAC (RFC 2104) of the parts of `data`, taken as one. */
  hmac(hash: HashName, key: Uint8Array, data: readonly Uint8Array[]): Uint8Array;
  /** Opens records with one of the AEADs. */
  opener(keys: TrafficKeys): RecordOpener;
  /** Decrypts whole blocks in CBC mode; padding stays. */
  decryptBlocks(
    cipher: 'aes-128-cbc' | 'aes-256-cbc',
    key: Uint8Array,
    iv: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array;
}

type HashName = 'sha1' | 'sha256' | 'sha384';
