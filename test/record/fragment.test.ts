import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fragmentCount, fragments } from '../../src/record/fragment.ts';

const lengths = (total: number, limit?: number) =>
  [...fragments(new Uint8Array(total), limit)].map(({ length }) => length);

test.each([
  [0, [0]],
  [1, [1]],
  [16384, [16384]],
  [16385, [16384, 1]],
  [3 * 16384, [16384, 16384, 16384]],
])('%i bytes', (total, expected) => {
  expect(lengths(total)).toEqual(expected);
});

test('a smaller limit', () => {
  expect(lengths(1300, 512)).toEqual([512, 512, 276]);
});

test('fragments are views, and together the whole', () => {
  const input = fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 50 }));
  fc.assert(
    fc.property(input, ([bytes, limit]) => {
      const parts = [...fragments(bytes, limit)];
      expect(parts).toHaveLength(fragmentCount(bytes.length, limit));
      expect(parts.every(({ buffer }) => buffer === bytes.buffer)).toBe(true);
      expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
    }),
  );
});

test.each([0, -1, 1.5, 16385, Number.NaN])('a limit of %d is refused', (limit) => {
  expect(() => [...fragments(new Uint8Array(1), limit)]).toThrow(RangeError);
  expect(() => fragmentCount(1, limit)).toThrow(RangeError);
});
