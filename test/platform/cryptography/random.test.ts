import { expect, test } from 'vitest';
import { fillRandom } from '../../../src/platform/cryptography/random.ts';

test.each([1, 8, 32, 256, 257, 5000])('all of %i bytes are filled, and never as before', (length) => {
  const seen = new Set<string>();
  const varies = new Uint8Array(length);
  for (let i = 0; i < 200; i++) {
    const bytes = new Uint8Array(length);
    fillRandom(bytes);
    seen.add(Buffer.from(bytes).toString('hex'));
    for (const [index, byte] of bytes.entries()) varies[index] = (varies[index] ?? 0) | byte;
  }
  // Of 200 random bytes in a place, one has each bit.
  expect([...varies].every((bits) => bits === 0xff)).toBe(true);
  if (length >= 8) expect(seen.size).toBe(200);
});
