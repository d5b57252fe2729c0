import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromCryptoInfo, type KernelKeys, toCryptoInfo } from '../../src/keys.ts';
import { hex } from '../helpers/hex.ts';

// struct tls12_crypto_info_* of linux/tls.h: version, cipher_type, iv, key, salt, rec_seq.
const key16 = '101112131415161718191a1b1c1d1e1f';
const key32 = `${key16}202122232425262728292a2b2c2d2e2f`;
const iv = hex('a0a1a2a3b0b1b2b3b4b5b6b7');
const layouts: [KernelKeys['aead'], string][] = [
  ['aes-128-gcm', `3300b0b1b2b3b4b5b6b7${key16}a0a1a2a3`],
  ['aes-256-gcm', `3400b0b1b2b3b4b5b6b7${key32}a0a1a2a3`],
  ['aes-128-ccm', `3500b0b1b2b3b4b5b6b7${key16}a0a1a2a3`],
  ['chacha20-poly1305', `3600a0a1a2a3b0b1b2b3b4b5b6b7${key32}`],
];

describe.each(layouts)('%s', (aead, layout) => {
  test.each([
    ['TLSv1.2', '0303'],
    ['TLSv1.3', '0403'],
  ] as const)('%s, both ways', (version, number) => {
    const key = hex(aead.includes('128') ? key16 : key32);
    const keys = { version, aead, key, iv, sequenceNumber: 0x0102030405060708n };
    const bytes = hex(number, layout, '0102030405060708');
    expect(toCryptoInfo(keys)).toEqual(bytes);
    expect(fromCryptoInfo(bytes)).toEqual(keys);
  });
});

const invalid = expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' });

test('what is no such struct is refused, whatever it is', () => {
  const known = new Set([40, 56]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        expect(toCryptoInfo(fromCryptoInfo(bytes))).toEqual(bytes);
        expect(known).toContain(bytes.length);
      } catch (error) {
        expect(error).toEqual(invalid);
      }
    }),
  );
});

test('keys of wrong lengths, versions or ciphers are refused, and not shown', () => {
  const keys = { version: 'TLSv1.3', aead: 'aes-128-gcm', key: hex(key16), iv, sequenceNumber: 0n } as const;
  for (const wrong of [
    { ...keys, key: hex(key32) },
    { ...keys, iv: iv.subarray(1) },
    { ...keys, version: 'TLSv1.1' },
    { ...keys, aead: 'aes-128-cbc' },
  ]) {
    const thrown = expect.objectContaining({
      code: 'ERR_INVALID_ARG_VALUE',
      message: expect.not.stringContaining('1011'),
    });
    expect(() => Reflect.apply(toCryptoInfo, undefined, [wrong])).toThrow(thrown);
  }
});
