import { hkdfExpand } from '../../key-schedule/hkdf.ts';
import type { HashName } from '../../key-schedule/hmac.ts';
import { ByteReader } from '../../pcap/byte-reader.ts';
import type { SuiteAead } from '../../protocol/cipher-suites.ts';
import type { CaptureCryptography } from '../cryptography.ts';
import { type ClientHello, type EncryptedHello, readClientHello } from './hello.ts';

/** What a key log has of a hello that is encrypted (RFC 9850 §2.3), and the how-manieth hello it is. */
interface HelloSecret {
  /** What HPKE's key encapsulation came to. */
  readonly secret: Uint8Array;
  /** The ECHConfig that was used. */
  readonly config: Uint8Array;
  readonly sequence: number;
}

/** Opens the inner hello (RFC 9849 §6.1); undefined if it is none of these secrets'. Extensions that it leaves to the outer one are not put in. */
export function openEncryptedHello(
  cryptography: CaptureCryptography,
  hello: EncryptedHello,
  { secret, config, sequence }: HelloSecret,
): ClientHello | undefined {
  const reader = new ByteReader(config);
  reader.skip(5);
  const kem = reader.uint16();
  const hash = kdfs.get(hello.kdf);
  const aead = aeads.get(hello.aead);
  if (reader.failed || hash === undefined || aead === undefined || hello.payload.length <= tagLength) return undefined;
  const suite = Uint8Array.of(...text('HPKE'), ...uint16(kem), ...uint16(hello.kdf), ...uint16(hello.aead));
  const info = Uint8Array.of(...text('tls ech'), 0, ...config);
  const { key, nonce } = keySchedule(
    { cryptography, hash, suite },
    { shared: secret, info, keyLength: aead.keyLength },
  );
  // RFC 9180 §5.2: the number goes into the nonce's last bytes; a hello is the first or the second.
  nonce[nonceLength - 1] = (nonce[nonceLength - 1] ?? 0) ^ sequence;
  const opening = cryptography.aead(aead.name, key, tagLength);
  const end = hello.payload.length - tagLength;
  const { payload, additionalData } = hello;
  const inner = opening.open(nonce, additionalData, payload.subarray(0, end), payload.subarray(end));
  opening.dispose();
  key.fill(0);
  nonce.fill(0);
  return inner && readClientHello(inner);
}

interface Kdf {
  readonly cryptography: CaptureCryptography;
  readonly hash: HashName;
  readonly suite: Uint8Array;
}

/** RFC 9180 §5.1, without a pre-shared key. */
function keySchedule(
  kdf: Kdf,
  { shared, info, keyLength }: { shared: Uint8Array; info: Uint8Array; keyLength: number },
): { key: Uint8Array; nonce: Uint8Array } {
  const none = new Uint8Array();
  const context = Uint8Array.of(
    0,
    ...labeledExtract(kdf, none, ['psk_id_hash', none]),
    ...labeledExtract(kdf, none, ['info_hash', info]),
  );
  const secret = labeledExtract(kdf, shared, ['secret', none]);
  const key = labeledExpand(kdf, secret, ['key', context], keyLength);
  const nonce = labeledExpand(kdf, secret, ['base_nonce', context], nonceLength);
  secret.fill(0);
  return { key, nonce };
}

/** RFC 9180 §4. */
function labeledExtract(
  { cryptography, hash, suite }: Kdf,
  salt: Uint8Array,
  [label, material]: readonly [string, Uint8Array],
): Uint8Array {
  return cryptography.hmac(hash, salt, [text('HPKE-v1'), suite, text(label), material]);
}

/** RFC 9180 §4. */
function labeledExpand(
  { cryptography, hash, suite }: Kdf,
  secret: Uint8Array,
  [label, context]: readonly [string, Uint8Array],
  length: number,
): Uint8Array {
  const info = Uint8Array.of(...uint16(length), ...text('HPKE-v1'), ...suite, ...text(label), ...context);
  return hkdfExpand(cryptography.hmac, hash, secret, info, length);
}

function text(ascii: string): Uint8Array {
  return new TextEncoder().encode(ascii);
}

function uint16(number: number): number[] {
  return [number >> 8, number & 0xff];
}

/** RFC 9180 §7.2, §7.3. */
const kdfs = new Map<number, HashName>([
  [1, 'sha256'],
  [2, 'sha384'],
  [3, 'sha512'],
]);
const aeads = new Map<number, { readonly name: SuiteAead; readonly keyLength: number }>([
  [1, { name: 'aes-128-gcm', keyLength: 16 }],
  [2, { name: 'aes-256-gcm', keyLength: 32 }],
  [3, { name: 'chacha20-poly1305', keyLength: 32 }],
]);

const tagLength = 16;
const nonceLength = 12;
