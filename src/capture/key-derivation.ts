import { type HashName, trafficKey } from '../keys/key-schedule.ts';
import type { SuiteAead, SuiteProtection } from '../protocol/cipher-suites.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { keyLengths, nonceLength } from '../record/aead.ts';
import { saltLength } from '../record/nonce.ts';
import type { TrafficKeys } from '../record/traffic-keys.ts';
import { type CaptureCryptography, framedAs } from './cryptography.ts';

type Hmac = CaptureCryptography['hmac'];

/** Keys of a traffic secret of TLS 1.3 (RFC 8446 §7.3). */
export function trafficKeys(hash: HashName, suiteAead: SuiteAead, secret: Uint8Array): TrafficKeys {
  const aead = framedAs(suiteAead);
  const { key, iv } = trafficKey(hash, secret, keyLengths[aead]);
  return { version: ProtocolVersion.tls13, aead, key, iv, sequenceNumber: 0n };
}

/** One direction's part of a key block of TLS 1.2. */
export interface BlockKeys {
  /** Empty with AEADs. */
  readonly macKey: Uint8Array;
  readonly key: Uint8Array;
  /** What is fixed of the nonce; empty with CBC, where records carry it all. */
  readonly iv: Uint8Array;
}

/** The key block of a master secret (RFC 5246 §6.3), cut to pieces. */
export function keyBlock(
  hmac: Hmac,
  suite: { readonly hash: HashName; readonly protection: SuiteProtection },
  masterSecret: Uint8Array,
  randoms: { readonly client: Uint8Array; readonly server: Uint8Array },
): { readonly client: BlockKeys; readonly server: BlockKeys } {
  const { mac, key, iv } = partLengths(suite.protection);
  const label = new TextEncoder().encode('key expansion');
  const seed = Uint8Array.of(...label, ...randoms.server, ...randoms.client);
  const block = prf(hmac, suite.hash, masterSecret, seed, 2 * (mac + key + iv));
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

/** What a record layer takes for an AEAD of TLS 1.2. The explicit nonce of AES-GCM and AES-CCM comes with each record. */
export function blockTrafficKeys(aead: SuiteAead, { key, iv }: BlockKeys): TrafficKeys {
  const whole = new Uint8Array(nonceLength);
  whole.set(iv);
  return { version: ProtocolVersion.tls12, aead: framedAs(aead), key, iv: whole, sequenceNumber: 0n };
}

function partLengths(protection: SuiteProtection): { mac: number; key: number; iv: number } {
  if (protection.kind === 'cbc') return { mac: protection.macLength, key: protection.keyLength, iv: 0 };
  const iv = protection.aead === 'chacha20-poly1305' ? nonceLength : saltLength;
  return { mac: 0, key: keyLengths[framedAs(protection.aead)], iv };
}

/** P_hash (RFC 5246 §5). */
function prf(hmac: Hmac, hash: HashName, secret: Uint8Array, seed: Uint8Array, length: number): Uint8Array {
  const output = new Uint8Array(length);
  let a = seed;
  for (let offset = 0; offset < length; ) {
    a = hmac(hash, secret, [a]);
    const block = hmac(hash, secret, [a, seed]).subarray(0, length - offset);
    output.set(block, offset);
    offset += block.length;
  }
  return output;
}
