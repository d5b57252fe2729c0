import { copySecret, secretBytes } from '../protocol/secret-bytes.ts';
import type { HashName, Hmac } from './hmac.ts';

/** HKDF-Expand alone (RFC 5869 §2.3): what node:crypto has does the extraction too. */
export function hkdfExpand(
  hmac: Hmac,
  hash: HashName,
  secret: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const output = secretBytes(length);
  let last = secretBytes(0);
  for (let at = 0, count = 1; at < length; at += last.length, count++) {
    const next = hmac(hash, secret, [last, info, Uint8Array.of(count)]);
    last.fill(0);
    last = copySecret(next);
    next.fill(0);
    output.set(last.subarray(0, length - at), at);
  }
  last.fill(0);
  return output;
}
