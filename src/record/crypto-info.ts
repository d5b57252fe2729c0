import { copySecret, secretBytes } from '../protocol/secret-bytes.ts';
import type { ProtocolVersionNumber } from '../protocol/version.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { nonceLength } from './aead.ts';
import { recordFraming } from './framing.ts';
import { advanceExplicitNonce } from './nonce.ts';
import { encodeUint64, sequenceNumberLimit } from './sequence-number.ts';
import type { KernelAeadName, TrafficKeys } from './traffic-keys.ts';

/**
 * Byte order of the kernel's numbers: the machine's own. OpenSSL in WebAssembly and every machine that Node.js runs on
 * but s390x have the lesser byte first.
 */
export type Endianness = 'little' | 'big';

/**
 * Reads a `struct tls12_crypto_info_*` (linux/tls.h). The result holds copies. Undefined if the cipher or the version
 * is not one of ours: there is nothing wrong with the bytes then, someone else has to protect these records.
 */
export function decodeCryptoInfo(bytes: Uint8Array, endianness: Endianness = 'little'): TrafficKeys | undefined {
  const keys = decodeKernelKeys(bytes, endianness);
  return keys && hasOwnLayer(keys) ? keys : undefined;
}

/** Same, for all ciphers that OpenSSL may offer. */
export function decodeKernelKeys(
  bytes: Uint8Array,
  endianness: Endianness = 'little',
): TrafficKeys<KernelAeadName> | undefined {
  if (bytes.length < infoLength) throw new RangeError(`crypto_info of ${bytes.length} bytes has no version and cipher`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = knownVersion(view.getUint16(0, endianness === 'little'));
  const layout = layouts.find(({ cipherType }) => cipherType === view.getUint16(2, endianness === 'little'));
  if (version === undefined || layout === undefined) return undefined;
  const offsets = fieldOffsets(layout);
  if (bytes.length !== offsets.end) {
    throw new RangeError(`crypto_info for ${layout.aead} has ${offsets.end} bytes, not ${bytes.length}`);
  }
  const iv = secretBytes(nonceLength);
  iv.set(bytes.subarray(offsets.salt, offsets.recSeq));
  iv.set(bytes.subarray(offsets.iv, offsets.key), layout.saltLength);
  const key = copySecret(bytes.subarray(offsets.key, offsets.salt));
  return { version, aead: layout.aead, key, iv, sequenceNumber: view.getBigUint64(offsets.recSeq) };
}

/** Writes the `struct tls12_crypto_info_*` that setsockopt(TLS_TX) and (TLS_RX) take. Secret: wipe it after use. */
export function encodeCryptoInfo(keys: TrafficKeys<KernelAeadName>, endianness: Endianness = 'little'): Uint8Array {
  const layout = layouts.find(({ aead }) => aead === keys.aead);
  if (layout === undefined) throw new TypeError(`The kernel has no cipher ${keys.aead}`);
  if (keys.key.length !== layout.keyLength || keys.iv.length !== nonceLength) {
    throw new RangeError(`Traffic keys for ${keys.aead} of wrong lengths: ${keys.key.length}, ${keys.iv.length}`);
  }
  const offsets = fieldOffsets(layout);
  const bytes = secretBytes(offsets.end);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, keys.version, endianness === 'little');
  view.setUint16(2, layout.cipherType, endianness === 'little');
  bytes.set(keys.iv.subarray(layout.saltLength), offsets.iv);
  bytes.set(keys.key, offsets.key);
  bytes.set(keys.iv.subarray(0, layout.saltLength), offsets.salt);
  bytes.set(encodeUint64(keys.sequenceNumber), offsets.recSeq);
  return bytes;
}

/** Length of the cipher's `struct tls12_crypto_info_*`. */
export function cryptoInfoLength(aead: KernelAeadName): number {
  const layout = layouts.find((layout) => layout.aead === aead);
  if (layout === undefined) throw new TypeError(`The kernel has no cipher ${aead}`);
  return fieldOffsets(layout).end;
}

/**
 * The same keys for record number `sequenceNumber`, for whoever carries the direction on from there. A copy: either can
 * be wiped without the other.
 */
export function advance<Keys extends TrafficKeys<KernelAeadName>>(keys: Keys, sequenceNumber: bigint): Keys {
  const records = sequenceNumber - keys.sequenceNumber;
  if (records < 0n) throw new RangeError('Traffic keys cannot go back to an earlier record');
  if (sequenceNumber >= sequenceNumberLimit) throw new RangeError('The sequence numbers of this key are used up');
  const isExplicit = recordFraming(keys.version, keys.aead).explicitNonceLength > 0;
  const iv = isExplicit ? advanceExplicitNonce(keys.iv, records) : copySecret(keys.iv);
  return { ...keys, key: copySecret(keys.key), iv, sequenceNumber };
}

/** Overwrites the secret bytes in place. Whoever shares them loses them too. */
export function wipeTrafficKeys(keys: Pick<TrafficKeys, 'key' | 'iv'>): void {
  keys.key.fill(0);
  keys.iv.fill(0);
}

function hasOwnLayer(keys: TrafficKeys<KernelAeadName>): keys is TrafficKeys {
  return keys.aead !== 'aes-128-ccm';
}

interface Layout {
  readonly aead: KernelAeadName;
  /** TLS_CIPHER_* (linux/tls.h). */
  readonly cipherType: number;
  readonly keyLength: number;
  /** How many of the IV's 12 bytes, from its start, the kernel calls salt. */
  readonly saltLength: number;
}

const layouts: readonly Layout[] = [
  { aead: 'aes-128-gcm', cipherType: 51, keyLength: 16, saltLength: 4 },
  { aead: 'aes-256-gcm', cipherType: 52, keyLength: 32, saltLength: 4 },
  { aead: 'aes-128-ccm', cipherType: 53, keyLength: 16, saltLength: 4 },
  { aead: 'chacha20-poly1305', cipherType: 54, keyLength: 32, saltLength: 0 },
];

/** Length of `struct tls_crypto_info`: version and cipher_type, 16 bits each. */
const infoLength = 4;

/** The fields stand in this order, with no gaps: iv, key, salt, rec_seq. */
function fieldOffsets({ keyLength, saltLength }: Layout): Record<'iv' | 'key' | 'salt' | 'recSeq' | 'end', number> {
  const iv = infoLength;
  const key = iv + nonceLength - saltLength;
  const salt = key + keyLength;
  const recSeq = salt + saltLength;
  return { iv, key, salt, recSeq, end: recSeq + 8 };
}

function knownVersion(version: number): ProtocolVersionNumber | undefined {
  return Object.values(ProtocolVersion).find((known) => known === version);
}
