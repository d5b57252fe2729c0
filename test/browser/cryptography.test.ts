import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { browserCryptography } from '../../src/browser/cryptography.ts';
import { captureCryptography } from '../../src/decrypt/capture-cryptography.ts';
import type { HashName } from '../../src/key-schedule/hmac.ts';
import { cipherSuiteNames } from '../../src/protocol/cipher-suite-names.ts';
import { cipherSuite, type SuiteAead, type SuiteProtection } from '../../src/protocol/cipher-suites.ts';

const protections = [...cipherSuiteNames.keys()].flatMap((number) => cipherSuite(number).protection ?? []);
const supported = protections.filter((protection) => browserCryptography.supports(protection));

const bytes = (most: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: most });
const exactly = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });

test('it supports all but CCM, Camellia, ARIA and 3DES', () => {
  const names = (list: readonly SuiteProtection[]): string[] => [...new Set(list.map(nameOf))].sort();
  expect(names(supported)).toEqual([
    ...['aes-128-cbc', 'aes-128-gcm', 'aes-256-cbc', 'aes-256-gcm', 'chacha20-poly1305', 'null', 'rc4'],
  ]);
  expect(names(protections.filter((protection) => !supported.includes(protection)))).toEqual([
    ...['aes-128-ccm', 'aes-256-ccm', 'aria-128-cbc', 'aria-128-gcm', 'aria-256-cbc', 'aria-256-gcm'],
    ...['camellia-128-cbc', 'camellia-256-cbc', 'des-ede3-cbc'],
  ]);
});

describe.each<HashName>(['md5', 'sha1', 'sha256', 'sha384', 'sha512'])('as node:crypto: %s', (name) => {
  test('of parts', () => {
    fc.assert(
      fc.property(fc.array(bytes(300), { maxLength: 3 }), (parts) => {
        expect(browserCryptography.hash(name, parts)).toEqual(captureCryptography.hash(name, parts));
      }),
    );
  });

  test('its HMAC', () => {
    fc.assert(
      fc.property(bytes(200), fc.array(bytes(300), { maxLength: 3 }), (key, parts) => {
        expect(browserCryptography.hmac(name, key, parts)).toEqual(captureCryptography.hmac(name, key, parts));
      }),
    );
  });
});

const aeads = new Map(
  supported.flatMap((protection) => (protection.kind === 'aead' ? [[protection.aead, protection] as const] : [])),
);

describe.each([...aeads.values()])('as node:crypto: $aead', ({ aead, keyLength, tagLength }) => {
  const record = fc.record({
    key: exactly(keyLength),
    nonce: exactly(12),
    additionalData: bytes(40),
    plaintext: bytes(600),
  });

  test('opens what is authentic', () => {
    fc.assert(
      fc.property(record, (sealed) => {
        const { ciphertext, tag } = seal(aead, sealed);
        for (const cryptography of [browserCryptography, captureCryptography]) {
          const opening = cryptography.aead(aead, sealed.key, tagLength);
          const opened = opening.open(sealed.nonce, sealed.additionalData, ciphertext, tag);
          expect(opened && Uint8Array.from(opened)).toEqual(sealed.plaintext);
        }
      }),
    );
  });

  test('opens nothing else', () => {
    const changed = fc.constantFrom('tag', 'ciphertext', 'nonce', 'additionalData');
    fc.assert(
      fc.property(record, changed, fc.nat(), (sealed, which, place) => {
        const parts = { ...seal(aead, sealed), ...sealed };
        if (parts[which].length === 0) return;
        const other = Uint8Array.from(parts[which], (byte, at) => (at === place % parts[which].length ? ~byte : byte));
        parts[which] = other;
        const { nonce, additionalData, ciphertext, tag } = parts;
        const opening = browserCryptography.aead(aead, sealed.key, tagLength);
        expect(opening.open(nonce, additionalData, ciphertext, tag)).toBeUndefined();
      }),
    );
  });

  test('its key is its own until it is disposed of', () => {
    const sealed = {
      key: new Uint8Array(keyLength).fill(1),
      nonce: new Uint8Array(12),
      additionalData: new Uint8Array(),
      plaintext: Uint8Array.of(1, 2),
    };
    const { ciphertext, tag } = seal(aead, sealed);
    const opening = browserCryptography.aead(aead, sealed.key, tagLength);
    sealed.key.fill(0);
    expect(opening.open(sealed.nonce, sealed.additionalData, ciphertext, tag)).toEqual(sealed.plaintext);
    opening.dispose();
    expect(() => opening.open(sealed.nonce, sealed.additionalData, ciphertext, tag)).toThrow('disposed of');
  });
});

test('an AEAD that is not there opens nothing', () => {
  const opening = browserCryptography.aead('aes-128-ccm', new Uint8Array(16), 16);
  const none = new Uint8Array();
  expect(opening.open(new Uint8Array(12), none, none, new Uint8Array(16))).toBeUndefined();
});

test.each([
  ['aes-128-cbc', 16],
  ['aes-256-cbc', 32],
] as const)('as node:crypto: %s', (cipher, keyLength) => {
  const blocks = fc.nat(20).chain((count) => exactly(16 * count));
  fc.assert(
    fc.property(exactly(keyLength), exactly(16), blocks, (key, iv, ciphertext) => {
      const theirs = captureCryptography.decryptBlocks(cipher, key, iv, ciphertext);
      expect(browserCryptography.decryptBlocks(cipher, key, iv, ciphertext)).toEqual(Uint8Array.from(theirs));
    }),
  );
});

function nameOf(protection: SuiteProtection): string {
  return protection.kind === 'aead' ? protection.aead : protection.cipher;
}

interface Sealed {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly additionalData: Uint8Array;
  readonly plaintext: Uint8Array;
}

function seal(
  aead: SuiteAead,
  { key, nonce, additionalData, plaintext }: Sealed,
): { ciphertext: Uint8Array; tag: Uint8Array } {
  // Its declarations have a name for each mode; what is called is the same.
  const cipher = createCipheriv(aead as 'aes-128-gcm', key, nonce);
  cipher.setAAD(additionalData);
  const ciphertext = Uint8Array.from([...cipher.update(plaintext), ...cipher.final()]);
  return { ciphertext, tag: Uint8Array.from(cipher.getAuthTag()) };
}
