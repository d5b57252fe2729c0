import type { CipherGCM, DecipherGCM } from 'node:crypto';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { TLSPlaintext } from '../../src/protocol/content-type.ts';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';

/**
 * Record protection written down a second time, from the RFCs alone and as simply as can be, to test the real one
 * against. It shares nothing with src/ but types. It can also seal what must never be sent.
 */

export interface ReferenceOptions {
  /** TLS 1.3: zeros behind the inner type (RFC 8446 §5.4). */
  readonly padding?: number;
  /** TLS 1.3: the whole TLSInnerPlaintext, in place of fragment, type and padding. */
  readonly inner?: Uint8Array;
  /** AES-GCM in TLS 1.2: the 8 bytes on the wire; otherwise derived from the sequence number. */
  readonly explicitNonce?: Uint8Array;
  /** The header's type, where it is not the right one. */
  readonly outerType?: number;
  /** The header's version, where it is not the right one. */
  readonly outerVersion?: number;
}

/** Seals `fragment`, of whatever size, as record number `sequenceNumber`. */
export function referenceSeal(
  keys: TrafficKeys,
  sequenceNumber: bigint,
  type: number,
  fragment: Uint8Array,
  options: ReferenceOptions = {},
): Uint8Array {
  const explicit = isExplicit(keys)
    ? (options.explicitNonce ?? unlikeTheSequenceNumber(sequenceNumber))
    : new Uint8Array();
  const isTls13 = keys.version === 0x0304;
  const padded = Buffer.concat([fragment, Uint8Array.of(type), Buffer.alloc(options.padding ?? 0)]);
  const plaintext = isTls13 ? (options.inner ?? padded) : fragment;
  const outerType = options.outerType ?? (isTls13 ? 23 : type);
  const version = options.outerVersion ?? 0x0303;
  const header = headerOf(outerType, version, explicit.length + plaintext.length + 16);
  const authenticated = isTls13 ? header : tls12AdditionalData(sequenceNumber, header, plaintext.length);
  const cipher = createCipher(keys, nonceOf(keys, sequenceNumber, explicit));
  cipher.setAAD(authenticated);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return new Uint8Array(Buffer.concat([header, explicit, ciphertext, cipher.getAuthTag()]));
}

/** Opens one whole record as number `sequenceNumber`; throws if it does not authenticate or is not well-formed. */
export function referenceOpen(keys: TrafficKeys, sequenceNumber: bigint, record: Uint8Array): TLSPlaintext {
  const bytes = Buffer.from(record);
  const header = bytes.subarray(0, 5);
  if (bytes.readUInt16BE(1) !== 0x0303) throw new Error('wrong version');
  if (bytes.length !== 5 + bytes.readUInt16BE(3)) throw new Error('not one whole record');
  const explicit = bytes.subarray(5, 5 + (isExplicit(keys) ? 8 : 0));
  const ciphertext = bytes.subarray(5 + explicit.length, bytes.length - 16);
  const isTls13 = keys.version === 0x0304;
  const decipher = createDecipher(keys, nonceOf(keys, sequenceNumber, explicit));
  decipher.setAAD(isTls13 ? header : tls12AdditionalData(sequenceNumber, header, ciphertext.length));
  decipher.setAuthTag(bytes.subarray(bytes.length - 16));
  const plaintext = Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  if (!isTls13) return { type: bytes.readUInt8(0), fragment: new Uint8Array(plaintext) };
  if (bytes.readUInt8(0) !== 23) throw new Error('wrong outer type');
  let end = plaintext.length;
  while (end > 0 && plaintext[end - 1] === 0) end--;
  return { type: plaintext.readUInt8(end - 1), fragment: new Uint8Array(plaintext.subarray(0, end - 1)) };
}

/** Cuts a stream of whole records into records. */
export function splitRecords(wire: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(wire);
  const records: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const end = offset + 5 + bytes.readUInt16BE(offset + 3);
    if (end > bytes.length) throw new Error('the last record is not whole');
    records.push(new Uint8Array(bytes.subarray(offset, end)));
    offset = end;
  }
  return records;
}

/** AES-GCM in TLS 1.2: the explicit nonce of record `sequenceNumber`, if it counts up from the keys' IV. */
export function countedExplicitNonce(keys: TrafficKeys, sequenceNumber: bigint): Uint8Array {
  const first = Buffer.from(keys.iv).readBigUInt64BE(4);
  return uint64((first + sequenceNumber - keys.sequenceNumber) % 2n ** 64n);
}

/** Only AES-GCM of TLS 1.2 has a nonce on the wire (RFC 5288 §3; RFC 7905 §2; RFC 8446 §5.3). */
export function isExplicit(keys: Pick<TrafficKeys, 'version' | 'aead'>): boolean {
  return keys.version === 0x0303 && keys.aead !== 'chacha20-poly1305';
}

export function headerOf(type: number, version: number, length: number): Buffer {
  return Buffer.from([type, version >> 8, version & 255, length >> 8, length & 255]);
}

function nonceOf(keys: TrafficKeys, sequenceNumber: bigint, explicit: Uint8Array): Buffer {
  if (isExplicit(keys)) return Buffer.concat([keys.iv.subarray(0, 4), explicit]);
  const padded = Buffer.concat([Buffer.alloc(4), uint64(sequenceNumber)]);
  return Buffer.from(keys.iv.map((byte, i) => byte ^ padded.readUInt8(i)));
}

/** RFC 5246 §6.2.3.3: seq_num + TLSCompressed.type + TLSCompressed.version + TLSCompressed.length. */
function tls12AdditionalData(sequenceNumber: bigint, header: Buffer, plaintextLength: number): Buffer {
  return Buffer.concat([
    uint64(sequenceNumber),
    header.subarray(0, 3),
    Buffer.from([plaintextLength >> 8, plaintextLength & 255]),
  ]);
}

/** Any unique value will do (RFC 5288 §3): a receiver must read it off the wire, not expect it. */
function unlikeTheSequenceNumber(sequenceNumber: bigint): Uint8Array {
  return uint64((sequenceNumber * 0x9e37_79b9_7f4a_7c15n + 7n) % 2n ** 64n);
}

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

function createCipher({ aead, key }: TrafficKeys, nonce: Uint8Array): CipherGCM {
  return aead === 'chacha20-poly1305'
    ? createCipheriv(aead, key, nonce, { authTagLength: 16 })
    : createCipheriv(aead, key, nonce, { authTagLength: 16 });
}

function createDecipher({ aead, key }: TrafficKeys, nonce: Uint8Array): DecipherGCM {
  return aead === 'chacha20-poly1305'
    ? createDecipheriv(aead, key, nonce, { authTagLength: 16 })
    : createDecipheriv(aead, key, nonce, { authTagLength: 16 });
}
