import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gather } from '../../src/socket/written-chunks.ts';

test('any chunks keep their order, share records where they fit in one, and are copied nowhere else', () => {
  const lengths = fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20_000 })));
  fc.assert(
    fc.property(lengths, (all) => {
      const chunks = all.map((length, i) => Buffer.alloc(length, i + 1));
      const parts = gather(chunks);
      expect(Buffer.compare(Buffer.concat(parts), Buffer.concat(chunks))).toBe(0);
      for (const [index, part] of parts.entries()) {
        expect(part.length).toBeGreaterThan(0);
        if (part.length > 16_384) expect(chunks).toContain(part);
        expect(part.length + (parts[index + 1]?.length ?? 16_384)).toBeGreaterThan(16_384);
      }
    }),
  );
});

test('a header and a short body are one record, a long body is its own', () => {
  const [header, short, long] = [Buffer.alloc(200, 1), Buffer.alloc(1000, 2), Buffer.alloc(65_536, 3)];
  expect(gather([header, short])).toEqual([Buffer.concat([header, short])]);
  const parts = gather([header, long]);
  expect(parts).toHaveLength(2);
  expect(parts[0]).toBe(header);
  expect(parts[1]).toBe(long);
});
