import { createHmac } from 'node:crypto';
import { copySecret, secretBytes } from '../protocol/secret-bytes.ts';

/** Hash functions of TLS 1.3's key schedule and of TLS 1.2's PRF, by node:crypto's names. */
export type HashName = 'sha256' | 'sha384';

/** The hash that a suite names; TLS 1.2 suites that name SHA-1 or none use SHA-256 here (RFC 5246 §5, RFC 6655 §3). */
export function suiteHash(standardName: string): HashName {
  return standardName.endsWith('_SHA384') ? 'sha384' : 'sha256';
}

/** HKDF-Expand-Label with an empty context (RFC 8446 §7.1). */
export function expandLabel(hash: HashName, secret: Uint8Array, label: string, length: number): Uint8Array {
  const name = new TextEncoder().encode(`tls13 ${label}`);
  return expand(hash, secret, Uint8Array.of(length >> 8, length & 0xff, name.length, ...name, 0), length);
}

/** The traffic secret after a KeyUpdate (RFC 8446 §7.2). */
export function nextTrafficSecret(hash: HashName, secret: Uint8Array): Uint8Array {
  return expandLabel(hash, secret, 'traffic upd', secret.length);
}

/** Key and IV of a traffic secret (RFC 8446 §7.3). */
export function trafficKey(hash: HashName, secret: Uint8Array, keyLength: number): { key: Uint8Array; iv: Uint8Array } {
  return { key: expandLabel(hash, secret, 'key', keyLength), iv: expandLabel(hash, secret, 'iv', 12) };
}

/** HKDF-Expand alone (RFC 5869 §2.3): what node:crypto has does the extraction too. */
function expand(hash: HashName, secret: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  const output = secretBytes(length);
  let last = secretBytes(0);
  for (let at = 0, count = 1; at < length; at += last.length, count++) {
    const next = createHmac(hash, secret).update(last).update(info).update(Uint8Array.of(count)).digest();
    output.set(next.subarray(0, length - at), at);
    last.fill(0);
    last = copySecret(next);
    next.fill(0);
  }
  last.fill(0);
  return output;
}
