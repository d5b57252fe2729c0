import { createHmac, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { suiteHash } from '../../src/key-schedule/suite-hash.ts';
import { expandLabel, nextTrafficSecret, trafficKey } from '../../src/key-schedule/tls13.ts';
import { hmac } from '../../src/keys/hmac.ts';
import { hex } from '../helpers/hex.ts';
import { rfc8448 } from '../helpers/rfc8448.ts';

test.each([
  ['client', '9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5'],
  ['server', 'a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643'],
])('RFC 8448 §3: key and IV of the %s’s application traffic secret', (name, secret) => {
  const keys = rfc8448.find((vector) => vector.name === name)?.keys;
  expect(trafficKey(hmac, 'sha256', hex(secret), 16)).toEqual({ key: keys?.key, iv: keys?.iv });
});

test('HKDF-Expand is what node:crypto’s HKDF does after the extraction', () => {
  const hashes = fc.constantFrom('sha256' as const, 'sha384' as const);
  fc.assert(
    fc.property(
      hashes,
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      fc.integer({ min: 1, max: 200 }),
      (hash, secret, length) => {
        const salt = Uint8Array.of(1, 2, 3);
        const extracted = createHmac(hash, salt).update(secret).digest();
        const name = new TextEncoder().encode('tls13 any');
        const info = Uint8Array.of(length >> 8, length & 0xff, name.length, ...name, 0);
        const expected = new Uint8Array(hkdfSync(hash, secret, salt, info, length));
        expect(expandLabel(hmac, hash, extracted, 'any', length)).toEqual(expected);
      },
    ),
  );
});

test('a KeyUpdate’s secret is as long as the one before, and another', () => {
  const secret = new Uint8Array(48).fill(7);
  const next = nextTrafficSecret(hmac, 'sha384', secret);
  expect(next).toHaveLength(48);
  expect(next).not.toEqual(secret);
  expect(next).toEqual(expandLabel(hmac, 'sha384', secret, 'traffic upd', 48));
});

test.each([
  ['TLS_AES_256_GCM_SHA384', 'sha384'],
  ['TLS_CHACHA20_POLY1305_SHA256', 'sha256'],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', 'sha256'],
  ['TLS_RSA_WITH_AES_128_CCM', 'sha256'],
])('the hash of %s', (suite, hash) => {
  expect(suiteHash(suite)).toBe(hash);
});
