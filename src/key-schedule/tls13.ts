import { ProtocolVersion } from '../protocol/version.ts';
import { nonceLength } from '../record/aead.ts';
import type { AeadKeys, AeadProtection } from './aead-keys.ts';
import { hkdfExpand } from './hkdf.ts';
import type { HashName, Hmac } from './hmac.ts';

/** HKDF-Expand-Label with an empty context (RFC 8446 §7.1). */
export function expandLabel(hmac: Hmac, hash: HashName, secret: Uint8Array, label: string, length: number): Uint8Array {
  const name = new TextEncoder().encode(`tls13 ${label}`);
  return hkdfExpand(hmac, hash, secret, Uint8Array.of(length >> 8, length & 0xff, name.length, ...name, 0), length);
}

/** The traffic secret after a KeyUpdate (RFC 8446 §7.2). */
export function nextTrafficSecret(hmac: Hmac, hash: HashName, secret: Uint8Array): Uint8Array {
  return expandLabel(hmac, hash, secret, 'traffic upd', secret.length);
}

/** Key and IV of a traffic secret (RFC 8446 §7.3). */
export function trafficKey(
  hmac: Hmac,
  hash: HashName,
  secret: Uint8Array,
  keyLength: number,
): { key: Uint8Array; iv: Uint8Array } {
  const key = expandLabel(hmac, hash, secret, 'key', keyLength);
  return { key, iv: expandLabel(hmac, hash, secret, 'iv', nonceLength) };
}

/** The same, with what they are keys of. */
export function trafficKeys(
  hmac: Hmac,
  hash: HashName,
  { aead, tagLength, keyLength }: AeadProtection,
  secret: Uint8Array,
): AeadKeys {
  return { version: ProtocolVersion.tls13, aead, tagLength, ...trafficKey(hmac, hash, secret, keyLength) };
}
