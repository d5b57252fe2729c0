import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gather, giveBack } from '../../src/socket/written-chunks.ts';

test('any chunks keep their order, in as few records as they fill, and long ones are not copied', () => {
  const lengths = fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20_000 })));
  fc.assert(
    fc.property(lengths, (all) => {
      const chunks = all.map((length, i) => Buffer.alloc(length, i + 1));
      const { parts, borrowed } = gather(chunks);
      expect(Buffer.compare(Buffer.concat(parts), Buffer.concat(chunks))).toBe(0);
      expect(parts.every(({ length }) => length > 0)).toBe(true);
      for (const chunk of chunks) if (chunk.length > 16_384) expect(parts).toContain(chunk);
      const records = (of: readonly Uint8Array[]): number =>
        of.reduce((count, { length }) => count + Math.ceil(length / 16_384), 0);
      expect(records(parts)).toBeLessThanOrEqual(records(chunks));
      giveBack(borrowed);
    }),
  );
});

test('a header and a short body are one record, a long body is its own', () => {
  const [header, short, long] = [Buffer.alloc(200, 1), Buffer.alloc(1000, 2), Buffer.alloc(65_536, 3)];
  expect(gather([header, short]).parts).toEqual([Buffer.concat([header, short])]);
  const { parts } = gather([header, long]);
  expect(parts).toHaveLength(2);
  expect(parts[0]).toBe(header);
  expect(parts[1]).toBe(long);
});

test('frames of HTTP/2 fill records, in memory that is used again when it is given back, wiped', () => {
  const frames = Array.from({ length: 4 }, (_, i) => [Buffer.alloc(9, i), Buffer.alloc(16_384, i + 1)]).flat();
  const first = gather(frames);
  const [part] = first.parts;
  expect(first.parts).toHaveLength(1);
  expect(part).toHaveLength(4 * (9 + 16_384));
  const second = gather(frames);
  expect(second.parts[0]?.buffer).not.toBe(part?.buffer);
  giveBack(first.borrowed);
  giveBack(first.borrowed);
  expect(part?.every((byte) => byte === 0)).toBe(true);
  const third = gather(frames);
  expect(third.parts[0]?.buffer).toBe(part?.buffer);
  expect(second.parts[0]).toEqual(third.parts[0]);
  // Given back twice, it is nobody else's as well.
  expect(gather(frames).parts[0]?.buffer).not.toBe(part?.buffer);
});

test('what Node.js shares among buffers stays theirs, however large it is told to make that', () => {
  const { poolSize } = Buffer;
  try {
    Buffer.poolSize = 80 * 1024;
    // The rest of what was shared before.
    for (let at = 0; at < poolSize; at += 1024) Buffer.allocUnsafe(1024);
    const another = Buffer.allocUnsafe(1000).fill('x');
    expect(another.buffer.byteLength).toBeGreaterThanOrEqual(80 * 1024);
    giveBack(gather([Buffer.from('header'), Buffer.from('body')]).borrowed);
    expect(another.toString()).toBe('x'.repeat(1000));
  } finally {
    Buffer.poolSize = poolSize;
  }
});
