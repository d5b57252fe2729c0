import type { SuiteProtection } from '../protocol/cipher-suites.ts';
import { secretBytes } from '../protocol/secret-bytes.ts';
import { TlsVersion } from '../protocol/tls-version.ts';
import { nonceLength } from '../record/aead.ts';
import { saltLength } from '../record/nonce.ts';
import type { AeadKeys, AeadProtection } from './aead-keys.ts';
import type { HashName, Hmac } from './hmac.ts';

/** One direction's part of a key block of TLS 1.0 to 1.2. */
export interface BlockKeys {
  /** Empty with AEADs. */
  readonly macKey: Uint8Array;
  readonly key: Uint8Array;
  /** What is fixed of the nonce; the first IV in TLS 1.0; empty where records carry it all. */
  readonly iv: Uint8Array;
}

/** What a pseudorandom function depends on: TLS 1.2 has one for each hash, those before have one for all. */
export interface Prf {
  readonly version: number;
  readonly hash: HashName;
}

interface Randoms {
  readonly client: Uint8Array;
  readonly server: Uint8Array;
}

/** The key block of a master secret (RFC 5246 §6.3), cut to pieces. */
export function keyBlock(
  hmac: Hmac,
  { protection, ...prf }: Prf & { readonly protection: SuiteProtection },
  masterSecret: Uint8Array,
  randoms: Randoms,
): { readonly client: BlockKeys; readonly server: BlockKeys } {
  const { mac, key, iv } = partLengths(prf.version, protection);
  const seed = Uint8Array.of(...randoms.server, ...randoms.client);
  const block = pseudorandom(hmac, prf, masterSecret, ['key expansion', seed], 2 * (mac + key + iv));
  let offset = 0;
  const take = (length: number): Uint8Array => {
    offset += length;
    return block.subarray(offset - length, offset);
  };
  const [clientMac, serverMac] = [take(mac), take(mac)];
  const [clientKey, serverKey] = [take(key), take(key)];
  const [clientIv, serverIv] = [take(iv), take(iv)];
  return {
    client: { macKey: clientMac, key: clientKey, iv: clientIv },
    server: { macKey: serverMac, key: serverKey, iv: serverIv },
  };
}

/**
 * The master secret of a premaster secret (RFC 5246 §8.1), or of it and the hash of the handshake so far (RFC 7627 §4).
 */
export function masterSecret(
  hmac: Hmac,
  prf: Prf,
  premaster: Uint8Array,
  from: Randoms | { readonly sessionHash: Uint8Array },
): Uint8Array {
  if ('sessionHash' in from) {
    return pseudorandom(hmac, prf, premaster, ['extended master secret', from.sessionHash], masterLength);
  }
  const seed = Uint8Array.of(...from.client, ...from.server);
  return pseudorandom(hmac, prf, premaster, ['master secret', seed], masterLength);
}

/** The keys of an AEAD of TLS 1.2. The explicit nonce of AES-GCM and AES-CCM comes with each record. */
export function blockTrafficKeys({ aead, tagLength }: AeadProtection, { key, iv }: BlockKeys): AeadKeys {
  const whole = secretBytes(nonceLength);
  whole.set(iv);
  return { version: TlsVersion.tls12, aead, tagLength, key, iv: whole };
}

function partLengths(version: number, protection: SuiteProtection): { mac: number; key: number; iv: number } {
  const { keyLength: key } = protection;
  if (protection.kind === 'stream') return { mac: protection.macLength, key, iv: 0 };
  if (protection.kind === 'cbc') {
    return { mac: protection.macLength, key, iv: version === TlsVersion.tls10 ? protection.blockLength : 0 };
  }
  return { mac: 0, key, iv: protection.aead === 'chacha20-poly1305' ? nonceLength : saltLength };
}

/** PRF: RFC 5246 §5, and RFC 2246 §5 with both halves of the secret, which share a byte if their number is odd. */
function pseudorandom(
  hmac: Hmac,
  { version, hash }: Prf,
  secret: Uint8Array,
  [label, seed]: readonly [string, Uint8Array],
  length: number,
): Uint8Array {
  const all = Uint8Array.of(...new TextEncoder().encode(label), ...seed);
  if (version >= TlsVersion.tls12) return expand(hmac, hash, secret, all, length);
  const half = Math.ceil(secret.length / 2);
  const md5 = expand(hmac, 'md5', secret.subarray(0, half), all, length);
  const sha1 = expand(hmac, 'sha1', secret.subarray(secret.length - half), all, length);
  for (let at = 0; at < length; at++) md5[at] = (md5[at] ?? 0) ^ (sha1[at] ?? 0);
  sha1.fill(0);
  return md5;
}

/** P_hash (RFC 5246 §5). */
function expand(hmac: Hmac, hash: HashName, secret: Uint8Array, seed: Uint8Array, length: number): Uint8Array {
  const output = secretBytes(length);
  let a = seed;
  for (let offset = 0; offset < length; ) {
    a = hmac(hash, secret, [a]);
    const block = hmac(hash, secret, [a, seed]).subarray(0, length - offset);
    output.set(block, offset);
    offset += block.length;
  }
  return output;
}

const masterLength = 48;
