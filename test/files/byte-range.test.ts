import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byteRange } from '../../src/files/byte-range.ts';

describe('a range of bytes (RFC 9110 §14.1.2)', () => {
  test.each([
    ['bytes=0-499', 10_000, { start: 0, length: 500 }],
    ['bytes=500-999', 10_000, { start: 500, length: 500 }],
    ['bytes=-500', 10_000, { start: 9500, length: 500 }],
    ['bytes=9500-', 10_000, { start: 9500, length: 500 }],
    ['bytes=9500-20000', 10_000, { start: 9500, length: 500 }],
    ['bytes=-20000', 10_000, { start: 0, length: 10_000 }],
    ['BYTES=0-0', 10_000, { start: 0, length: 1 }],
    ['bytes=10000-', 10_000, 'unsatisfiable'],
    ['bytes=-0', 10_000, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=-5', 0, 'unsatisfiable'],
    ['bytes=5-4', 10_000, undefined],
    ['bytes=-', 10_000, undefined],
    ['bytes=0-1,5-6', 10_000, undefined],
    ['lines=0-1', 10_000, undefined],
    ['bytes=a-b', 10_000, undefined],
    [undefined, 10_000, undefined],
  ] as const)('%s of %i', (header, size, range) => {
    expect(byteRange(header, size)).toEqual(range);
  });

  test('is never outside of the file, whatever the header says', () => {
    const header = fc.oneof(
      fc.string(),
      fc.tuple(fc.bigInt({ min: 0n }), fc.bigInt({ min: 0n })).map(([first, last]) => `bytes=${first}-${last}`),
      fc.bigInt({ min: 0n }).map((last) => `bytes=-${last}`),
      fc.bigInt({ min: 0n }).map((first) => `bytes=${first}-`),
    );
    fc.assert(
      fc.property(header, fc.nat(), (text, size) => {
        const range = byteRange(text, size);
        if (typeof range !== 'object') return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.length).toBeGreaterThan(0);
        expect(range.start + range.length).toBeLessThanOrEqual(size);
      }),
    );
  });
});
