import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CounterMode } from '../../../src/engine/host/counter-mode.ts';
import { counterMode, nodeCounterMode } from '../../../src/platform/cryptography/counter-mode.ts';
import { hex } from '../../helpers/hex.ts';

const plaintext = hex(
  '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51',
  '30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710',
);
const first = hex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
const vectors = [
  {
    source: 'NIST SP 800-38A, F.5.1, AES-128',
    key: hex('2b7e151628aed2a6abf7158809cf4f3c'),
    ciphertext: hex(
      '874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff',
      '5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee',
    ),
  },
  {
    source: 'NIST SP 800-38A, F.5.5, AES-256',
    key: hex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4'),
    ciphertext: hex(
      '601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5',
      '2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6',
    ),
  },
];

/** Key, counter, input and room for as much output, one behind the other. */
function applied(mode: CounterMode, key: Uint8Array, counter: Uint8Array, input: Uint8Array, inPlace: boolean) {
  const memory = Uint8Array.from([...key, ...counter, ...input, ...new Uint8Array(input.length)]);
  const from = key.length + counter.length;
  const to = inPlace ? from : from + input.length;
  expect(mode.apply(memory, 0, key.length, key.length, from, to, input.length)).toBe(true);
  if (!inPlace) expect(memory.subarray(0, to)).toEqual(Uint8Array.from([...key, ...counter, ...input]));
  return memory.slice(to, to + input.length);
}

describe.each([
  { name: 'the addon', mode: counterMode() },
  { name: 'node:crypto', mode: nodeCounterMode },
])('counter mode by $name', ({ mode }) => {
  test.each(vectors)('$source', ({ key, ciphertext }) => {
    for (const inPlace of [true, false]) expect(applied(mode, key, first, plaintext, inPlace)).toEqual(ciphertext);
  });

  test('any key, counter and length', () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const key = fc.constantFrom(16, 24, 32).chain(bytes);
    fc.assert(
      fc.property(key, bytes(16), fc.uint8Array({ maxLength: 100 }), fc.boolean(), (some, counter, input, inPlace) => {
        const expected = createCipheriv(`aes-${8 * some.length}-ctr`, some, counter).update(input);
        expect(applied(mode, some, counter, input, inPlace)).toEqual(Uint8Array.from(expected));
      }),
    );
  });
});

test('the addon is there, and worth less', () => {
  expect(counterMode()).not.toBe(nodeCounterMode);
  expect(counterMode().leastBlocks).toBeLessThan(nodeCounterMode.leastBlocks);
});
