import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryBudget } from '../../src/pcap/memory-budget.ts';
import { type StreamPiece, type StreamSegment, TcpStream } from '../../src/pcap/tcp-stream.ts';
import { pattern } from '../helpers/pattern.ts';

const sequenceNumbers = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.integer({ min: 0xffff_ff00, max: 0xffff_ffff }),
);

describe('whatever TCP does on the way, the bytes come out as they were sent', () => {
  test('in any order, with overlaps and copies, over the end of the sequence numbers', () => {
    fc.assert(
      fc.property(
        sequenceNumbers,
        fc.integer({ min: 1, max: 3000 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 400 })), { maxLength: 60 }),
        fc.infiniteStream(fc.nat()),
        (first, length, extra, random) => {
          const sent = pattern(length);
          const pieces: [number, number][] = [];
          for (let at = 0; at < length; at += 100) pieces.push([at, Math.min(100, length - at)]);
          for (const [start, size] of extra) pieces.push([start % length, Math.min(size, length - (start % length))]);
          for (let at = pieces.length - 1; at > 0; at--) {
            const other = random.next().value % (at + 1);
            [pieces[at], pieces[other]] = [pieces[other] ?? [0, 0], pieces[at] ?? [0, 0]];
          }
          const stream = new TcpStream(new MemoryBudget(2 ** 20));
          const out = stream.push(segment(first, new Uint8Array(), { syn: true }));
          for (const [start, size] of pieces) {
            out.push(...stream.push(segment(first + 1 + start, sent.subarray(start, start + size))));
          }
          out.push(...stream.push(segment(first + 1 + length, new Uint8Array(), { fin: true })));
          expect(stream.ended).toBe(true);
          expect(joined(out)).toEqual(Buffer.from(sent));
          expect(stream.flush()).toEqual([]);
        },
      ),
    );
  });

  test('what is missing is a gap of the right length, and nothing else is lost', () => {
    fc.assert(
      fc.property(sequenceNumbers, fc.uniqueArray(fc.nat({ max: 39 }), { maxLength: 39 }), (first, lost) => {
        const stream = new TcpStream(new MemoryBudget(2 ** 20));
        const out = stream.push(segment(first, new Uint8Array(), { syn: true }));
        for (let at = 0; at < 40; at++) {
          if (!lost.includes(at)) out.push(...stream.push(segment(first + 1 + at * 50, pattern(50, at))));
        }
        out.push(...stream.push(segment(first + 1 + 2000, new Uint8Array(), { fin: true })), ...stream.flush());
        const expected: (Buffer | number)[] = [];
        for (let at = 0; at < 40; at++) expected.push(lost.includes(at) ? 50 : Buffer.from(pattern(50, at)));
        // Nothing comes behind a gap at the end.
        while (typeof expected.at(-1) === 'number') expected.pop();
        expect(shape(out)).toEqual(shape(expected.map(asPiece)));
      }),
    );
  });
});

test('a packet that was cut off leaves a gap, which a whole copy fills only if it comes before', () => {
  const whole = pattern(100);
  const cut = { ...segment(1, whole.subarray(0, 30)), payloadLength: 100 };
  const late = new TcpStream(new MemoryBudget(1000));
  expect(shape([...late.push(cut), ...late.push(segment(1, whole))])).toEqual([Buffer.from(whole.subarray(0, 30)), 70]);
  const early = new TcpStream(new MemoryBudget(1000));
  expect(joined([...early.push(segment(1, whole)), ...early.push(cut)])).toEqual(Buffer.from(whole));
});

test('what a segment says again does not change what it said before', () => {
  const stream = new TcpStream(new MemoryBudget(1000));
  const out = stream.push(segment(7, pattern(10)));
  out.push(...stream.push(segment(12, new Uint8Array(10).fill(255))));
  expect(joined(out)).toEqual(Buffer.concat([pattern(10), new Uint8Array(5).fill(255)]));
});

describe('what is kept is bounded', () => {
  test('by the budget of all: then what is missing is given up', () => {
    const budget = new MemoryBudget(10_000);
    const stream = new TcpStream(budget);
    stream.push(segment(0, pattern(1)));
    let given = 0;
    for (let at = 0; at < 1000; at++) given += bytesIn(stream.push(segment(2 + 101 * at, pattern(100))));
    expect(given).toBeGreaterThan(1000 * 100 - 10_000);
    stream.flush();
    expect(budget.take(10_000)).toBe(true);
  });

  test('by the number of pieces', () => {
    const stream = new TcpStream(new MemoryBudget(2 ** 30));
    stream.push(segment(0, pattern(1)));
    let given = 0;
    for (let at = 0; at < 10_000; at++) given += bytesIn(stream.push(segment(2 + 2 * at, pattern(1))));
    expect(given).toBeGreaterThan(5000);
  });

  test('and the memory of a whole chunk is not kept for a few bytes of it', () => {
    const chunk = pattern(100_000);
    const stream = new TcpStream(new MemoryBudget(2 ** 20));
    stream.push(segment(0, pattern(1)));
    stream.push(segment(5, chunk.subarray(0, 10)));
    const [, piece] = stream.flush();
    expect(piece && 'bytes' in piece && piece.bytes.buffer.byteLength).toBe(10);
  });
});

test('another connection between the same ends is known by its first number', () => {
  const stream = new TcpStream(new MemoryBudget(1000));
  expect(stream.isOther(5)).toBe(false);
  stream.push(segment(0xffff_fffe, pattern(20), { syn: true }));
  expect(stream.isOther(0xffff_fffe)).toBe(false);
  expect(stream.isOther(17)).toBe(true);
});

function segment(sequenceNumber: number, payload: Uint8Array, flags: { syn?: true; fin?: true } = {}): StreamSegment {
  const { syn = false, fin = false } = flags;
  return { sequenceNumber: sequenceNumber >>> 0, time: 0n, syn, fin, payload, payloadLength: payload.length };
}

function asPiece(what: Buffer | number): StreamPiece {
  return typeof what === 'number' ? { missing: what, time: 0n } : { bytes: what, time: 0n };
}

/** Runs of bytes and lengths of gaps, neighbours joined. */
function shape(pieces: readonly StreamPiece[]): (Buffer | number)[] {
  const found: (Buffer | number)[] = [];
  for (const piece of pieces) {
    const last = found.at(-1);
    if ('missing' in piece) {
      if (typeof last === 'number') found[found.length - 1] = last + piece.missing;
      else found.push(piece.missing);
    } else if (piece.bytes.length > 0) {
      if (Buffer.isBuffer(last)) found[found.length - 1] = Buffer.concat([last, piece.bytes]);
      else found.push(Buffer.from(piece.bytes));
    }
  }
  return found;
}

function joined(pieces: readonly StreamPiece[]): Buffer {
  return Buffer.concat(pieces.map((piece) => ('bytes' in piece ? piece.bytes : Buffer.from('GAP'))));
}

function bytesIn(pieces: readonly StreamPiece[]): number {
  return pieces.reduce((sum, piece) => sum + ('bytes' in piece ? piece.bytes.length : 0), 0);
}
