import { describe, expect, test } from 'vitest';
import { advance, decodeCryptoInfo, encodeCryptoInfo, wipeTrafficKeys } from '../../src/record/crypto-info.ts';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';
import { hex } from '../helpers/hex.ts';

// Byte for byte as linux/tls.h lays the structures out: version, cipher_type, iv, key, salt, rec_seq.
const aes128: readonly [string, TrafficKeys, Uint8Array] = [
  'AES-128-GCM',
  {
    version: 0x0304,
    aead: 'aes-128-gcm',
    key: hex('101112131415161718191a1b1c1d1e1f'),
    iv: hex('a0a1a2a3b0b1b2b3b4b5b6b7'),
    sequenceNumber: 0x0102030405060708n,
  },
  hex('0403', '3300', 'b0b1b2b3b4b5b6b7', '101112131415161718191a1b1c1d1e1f', 'a0a1a2a3', '0102030405060708'),
];
const key256 = hex('101112131415161718191a1b1c1d1e1f', '202122232425262728292a2b2c2d2e2f');
const aes256: typeof aes128 = [
  'AES-256-GCM',
  { version: 0x0303, aead: 'aes-256-gcm', key: key256, iv: hex('a0a1a2a3b0b1b2b3b4b5b6b7'), sequenceNumber: 1n },
  hex('0303', '3400', 'b0b1b2b3b4b5b6b7', Buffer.from(key256).toString('hex'), 'a0a1a2a3', '0000000000000001'),
];
const chacha20: typeof aes128 = [
  'ChaCha20-Poly1305',
  { version: 0x0304, aead: 'chacha20-poly1305', key: key256, iv: hex('a0a1a2a3b0b1b2b3b4b5b6b7'), sequenceNumber: 0n },
  hex('0403', '3600', 'a0a1a2a3b0b1b2b3b4b5b6b7', Buffer.from(key256).toString('hex'), '0000000000000000'),
];

describe.each([aes128, aes256, chacha20])('%s', (_, keys, bytes) => {
  test('is encoded', () => {
    expect(encodeCryptoInfo(keys)).toEqual(bytes);
  });

  test('is decoded, from anywhere in memory, to copies', () => {
    const memory = new Uint8Array(100);
    memory.set(bytes, 3);
    const decoded = decodeCryptoInfo(memory.subarray(3, 3 + bytes.length));
    memory.fill(0xff);
    expect(decoded).toEqual(keys);
  });

  test('on a big-endian machine only the first two numbers differ', () => {
    const swapped = Uint8Array.of(bytes[1] ?? 0, bytes[0] ?? 0, bytes[3] ?? 0, bytes[2] ?? 0, ...bytes.subarray(4));
    expect(encodeCryptoInfo(keys, 'big')).toEqual(swapped);
    expect(decodeCryptoInfo(swapped, 'big')).toEqual(keys);
    expect(decodeCryptoInfo(swapped)).toBeUndefined();
  });

  test('of a wrong length is refused', () => {
    expect(() => decodeCryptoInfo(bytes.subarray(1))).not.toThrow();
    expect(() => decodeCryptoInfo(bytes.subarray(0, -1))).toThrow(RangeError);
    expect(() => decodeCryptoInfo(Uint8Array.of(...bytes, 0))).toThrow(RangeError);
    expect(() => encodeCryptoInfo({ ...keys, key: keys.key.subarray(1) })).toThrow(RangeError);
    expect(() => encodeCryptoInfo({ ...keys, iv: keys.iv.subarray(1) })).toThrow(RangeError);
  });
});

test.each([
  ['AES-128-CCM', hex('0403', '3500')],
  ['SM4-GCM', hex('0403', '3700')],
  ['TLS 1.1', hex('0203', '3300')],
])('%s is not ours', (_, start) => {
  expect(decodeCryptoInfo(Uint8Array.of(...start, ...new Uint8Array(36)))).toBeUndefined();
});

test('too little even for a cipher', () => {
  expect(() => decodeCryptoInfo(hex('040333'))).toThrow(RangeError);
});

describe('advance', () => {
  test('TLS 1.3 and ChaCha20-Poly1305 keep their IV', () => {
    for (const [, keys] of [aes128, chacha20, [0, { ...chacha20[1], version: 0x0303 }] as const]) {
      const later = advance(keys, keys.sequenceNumber + 5n);
      expect(later).toEqual({ ...keys, sequenceNumber: keys.sequenceNumber + 5n });
    }
  });

  test('AES-GCM in TLS 1.2 counts its explicit nonce up, and around', () => {
    const [, keys] = aes256;
    expect(advance(keys, 3n).iv).toEqual(hex('a0a1a2a3b0b1b2b3b4b5b6b9'));
    const last = { ...keys, iv: hex('a0a1a2a3ffffffffffffffff') };
    expect(advance(last, 1n).iv).toEqual(hex('a0a1a2a3ffffffffffffffff'));
    expect(advance(last, 2n).iv).toEqual(hex('a0a1a2a30000000000000000'));
  });

  test('neither back nor beyond the last record', () => {
    const [, keys] = aes256;
    expect(() => advance(keys, 0n)).toThrow(RangeError);
    expect(advance(keys, 2n ** 64n - 1n).sequenceNumber).toBe(2n ** 64n - 1n);
    expect(() => advance(keys, 2n ** 64n)).toThrow(RangeError);
  });

  test('is a copy that wiping the first leaves alone', () => {
    const first = { ...aes256[1], key: key256.slice(), iv: aes256[1].iv.slice() };
    const later = advance(first, 1n);
    wipeTrafficKeys(first);
    expect(first.key).toEqual(new Uint8Array(32));
    expect(first.iv).toEqual(new Uint8Array(12));
    expect(later).toEqual(aes256[1]);
  });
});
