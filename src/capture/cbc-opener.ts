import type { SuiteProtection } from '../protocol/cipher-suites.ts';
import type { TLSPlaintext } from '../protocol/content-type.ts';
import { headerLength, readHeader } from '../record/header.ts';
import { encodeUint64 } from '../record/sequence-number.ts';
import type { CaptureCryptography } from './cryptography.ts';
import type { BlockKeys } from './key-derivation.ts';

export type CbcProtection = Extract<SuiteProtection, { kind: 'cbc' }>;

/**
 * Opens one record of a CBC suite in TLS 1.2 (RFC 5246 §6.2.3.2), with encrypt-then-MAC (RFC 7366 §3) or without; undefined if it does
 * not authenticate. Nobody measures how long that takes: there is no peer to be told, so nothing is done to take the same time always.
 */
export function openCbcRecord(
  cryptography: CaptureCryptography,
  { protection, keys, encryptThenMac }: { protection: CbcProtection; keys: BlockKeys; encryptThenMac: boolean },
  record: Uint8Array,
  sequenceNumber: bigint,
): TLSPlaintext | undefined {
  const header = readHeader(record, 0);
  if (header === undefined) return undefined;
  const body = record.subarray(headerLength);
  const macLength = encryptThenMac ? protection.macLength : 0;
  const encrypted = body.subarray(0, Math.max(0, body.length - macLength));
  if (encrypted.length < 2 * blockLength || encrypted.length % blockLength !== 0) return undefined;

  const isAuthentic = (content: Uint8Array, tag: Uint8Array): boolean => {
    const pseudoHeader = record.slice(0, headerLength);
    pseudoHeader[3] = content.length >> 8;
    pseudoHeader[4] = content.length & 0xff;
    const expected = cryptography.hmac(protection.mac, keys.macKey, [
      encodeUint64(sequenceNumber),
      pseudoHeader,
      content,
    ]);
    return tag.length === expected.length && expected.every((byte, at) => byte === tag[at]);
  };

  if (encryptThenMac && !isAuthentic(encrypted, body.subarray(encrypted.length))) return undefined;
  const iv = encrypted.subarray(0, blockLength);
  const padded = cryptography.decryptBlocks(protection.cipher, keys.key, iv, encrypted.subarray(blockLength));
  const padding = padded.at(-1) ?? 0;
  const end = padded.length - 1 - padding;
  if (end < 0 || !padded.subarray(end).every((byte) => byte === padding)) return undefined;
  if (encryptThenMac) return { type: header.type, fragment: padded.subarray(0, end) };
  const contentEnd = end - protection.macLength;
  if (contentEnd < 0) return undefined;
  const fragment = padded.subarray(0, contentEnd);
  return isAuthentic(fragment, padded.subarray(contentEnd, end)) ? { type: header.type, fragment } : undefined;
}

const blockLength = 16;
