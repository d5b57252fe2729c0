import { describe, expect, test } from 'vitest';
import { isSupported, NodeAead } from '../../../src/platform/records/node-aead.ts';
import type { AeadName } from '../../../src/record/traffic-keys.ts';
import { hex } from '../../helpers/hex.ts';

interface Vector {
  readonly source: string;
  readonly name: AeadName;
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly additionalData: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

const gcmPlaintext = hex(
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72',
  '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
);
const gcmAdditionalData = hex('feedfacedeadbeeffeedfacedeadbeefabaddad2');
const vectors: readonly Vector[] = [
  {
    source: 'McGrew and Viega, The Galois/Counter Mode of Operation, test case 4',
    name: 'aes-128-gcm',
    key: hex('feffe9928665731c6d6a8f9467308308'),
    nonce: hex('cafebabefacedbaddecaf888'),
    additionalData: gcmAdditionalData,
    plaintext: gcmPlaintext,
    ciphertext: hex(
      '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e',
      '21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091',
    ),
    tag: hex('5bc94fbc3221a5db94fae95ae7121a47'),
  },
  {
    source: 'McGrew and Viega, The Galois/Counter Mode of Operation, test case 16',
    name: 'aes-256-gcm',
    key: hex('feffe9928665731c6d6a8f9467308308', 'feffe9928665731c6d6a8f9467308308'),
    nonce: hex('cafebabefacedbaddecaf888'),
    additionalData: gcmAdditionalData,
    plaintext: gcmPlaintext,
    ciphertext: hex(
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa',
      '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    ),
    tag: hex('76fc6ece0f4e1768cddf8853bb2d551b'),
  },
  {
    source: 'RFC 8439 §2.8.2',
    name: 'chacha20-poly1305',
    key: Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i),
    nonce: hex('070000004041424344454647'),
    additionalData: hex('50515253c0c1c2c3c4c5c6c7'),
    plaintext: Buffer.from(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    ),
    ciphertext: hex(
      'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6',
      '3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36',
      '92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc',
      '3ff4def08e4b7a9de576d26586cec64b6116',
    ),
    tag: hex('1ae10b594f09e26a7e902ecbd0600691'),
  },
];

describe.each(vectors)('$name ($source)', (vector) => {
  const { name, key, nonce, additionalData, plaintext, ciphertext, tag } = vector;

  test('is supported by the Node.js that runs this', () => {
    expect(isSupported(name)).toBe(true);
  });

  test.each([[[]], [[0]], [[1]], [[7, 7, 30]], [[plaintext.length]]])('seals plaintext cut at %j', (cuts) => {
    const aead = new NodeAead(name, key);
    const parts = [0, ...cuts].map((start, i) => plaintext.subarray(start, cuts[i]));
    const output = new Uint8Array(plaintext.length + 16);
    aead.seal(nonce, additionalData, parts, output);
    expect(output).toEqual(new Uint8Array(Buffer.concat([ciphertext, tag])));
  });

  test('opens, again and again with one key', () => {
    const aead = new NodeAead(name, key);
    for (let i = 0; i < 3; i++) {
      const opened = aead.open(nonce, additionalData, ciphertext, tag);
      expect(opened && Buffer.compare(opened, plaintext)).toBe(0);
    }
  });

  test('opens nothing that does not authenticate', () => {
    const aead = new NodeAead(name, key);
    expect(aead.open(flip(nonce), additionalData, ciphertext, tag)).toBeUndefined();
    expect(aead.open(nonce, flip(additionalData), ciphertext, tag)).toBeUndefined();
    expect(aead.open(nonce, additionalData, flip(ciphertext), tag)).toBeUndefined();
    expect(aead.open(nonce, additionalData, ciphertext, flip(tag))).toBeUndefined();
    expect(aead.open(nonce, additionalData, ciphertext, tag)).toBeDefined();
  });

  test('a tag cut short is never enough', () => {
    const aead = new NodeAead(name, key);
    expect(() => aead.open(nonce, additionalData, ciphertext, tag.subarray(0, 12))).toThrow();
  });

  test('no plaintext at all', () => {
    const aead = new NodeAead(name, key);
    const output = new Uint8Array(16);
    aead.seal(nonce, additionalData, [], output);
    expect(aead.open(nonce, additionalData, new Uint8Array(), output)).toHaveLength(0);
  });

  test('the key it was given can be wiped at once', () => {
    const ownKey = key.slice();
    const aead = new NodeAead(name, ownKey);
    ownKey.fill(0);
    expect(aead.open(nonce, additionalData, ciphertext, tag)).toBeDefined();
  });

  test('is of no use once disposed of', () => {
    const aead = new NodeAead(name, key);
    aead.dispose();
    expect(() => aead.open(nonce, additionalData, ciphertext, tag)).toThrow('disposed');
    expect(() => aead.seal(nonce, additionalData, [plaintext], new Uint8Array(plaintext.length + 16))).toThrow(
      'disposed',
    );
  });

  test('wrong lengths are refused', () => {
    expect(() => new NodeAead(name, key.subarray(1))).toThrow(RangeError);
    const aead = new NodeAead(name, key);
    expect(() => aead.open(nonce.subarray(1), additionalData, ciphertext, tag)).toThrow(RangeError);
    expect(() => aead.seal(nonce, additionalData, [plaintext], new Uint8Array(plaintext.length + 15))).toThrow(
      RangeError,
    );
    expect(() => aead.seal(nonce, additionalData, [plaintext], new Uint8Array(plaintext.length + 17))).toThrow(
      RangeError,
    );
  });
});

function flip(bytes: Uint8Array): Uint8Array {
  return bytes.with(0, (bytes[0] ?? 0) ^ 0x80);
}

test('what node:crypto made of a record is given back at once, not when garbage is collected', () => {
  const aead = new NodeAead('aes-128-gcm', new Uint8Array(16));
  const record = Buffer.alloc(16_384);
  const output = Buffer.alloc(record.length + 16);
  const before = process.memoryUsage().arrayBuffers;
  for (let nonce = 0; nonce < 100; nonce++) aead.seal(Buffer.alloc(12, nonce), new Uint8Array(5), [record], output);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * record.length);
});
