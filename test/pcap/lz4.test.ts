import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Lz4 } from '../../src/pcap/lz4.ts';
import { Lz4Error } from '../../src/pcap/lz4-block.ts';
import { hex } from '../helpers/hex.ts';
import { pattern } from '../helpers/pattern.ts';

/** 64 KiB blocks. The last byte stands for a checksum. */
const linked = hex('04224d18', '40', '40', '00');
const independent = hex('04224d18', '60', '40', '00');
const end = hex('00000000');
const window = Buffer.from('abcdefgh');

describe('LZ4', () => {
  test('literals and copies, of what is before the block too', () => {
    const first = Buffer.concat([hex('80'), window]);
    // 3 literals, then 5 bytes from 4 before; 4 bytes from 11 before, 2 literals.
    const second = Buffer.concat([
      hex('31'),
      Buffer.from('xyz'),
      hex('0400'),
      hex('00', '0b00'),
      hex('20'),
      Buffer.from('!?'),
    ]);
    const file = [linked, block(first), block(second), end];
    expect(unpack(file)).toBe('abcdefghxyzhxyzhfghx!?'.slice(0, 8) + copied());
    expect(() => unpack([independent, block(first), block(second), end])).toThrow(Lz4Error);
  });

  test('a copy of what it writes itself, and lengths of several bytes', () => {
    const run = Buffer.concat([hex('1f', '61', '0100', 'ff', '05'), hex('00')]);
    expect(unpack([linked, block(run), end])).toBe('a'.repeat(1 + 4 + 15 + 255 + 5));
    const literals = Buffer.concat([hex('f0', 'ff', '00'), Buffer.alloc(270, 'b')]);
    expect(unpack([linked, block(literals), end])).toBe('b'.repeat(270));
  });

  test('blocks that are stored, checksums, frames one behind the other, and such that are to be skipped', () => {
    const withSums = hex('04224d18', '7c', '40', '08'.repeat(8), '00');
    const stored = Buffer.concat([hex('05000080'), Buffer.from('hello'), hex('ffffffff')]);
    const skippable = hex('512a4d18', '03000000', '010203');
    expect(unpack([withSums, stored, end, hex('eeeeeeee'), skippable, independent, end])).toBe('hello');
  });

  test('the legacy format', () => {
    const legacy = Buffer.concat([hex('02214c18'), block(Buffer.concat([hex('80'), window]))]);
    expect(unpack([legacy, legacy])).toBe('abcdefgh'.repeat(2));
  });

  test.each<[string, Uint8Array[]]>([
    ['a version that there is none', [hex('04224d18', '80', '40', '00')]],
    ['a dictionary', [hex('04224d18', '61', '40', '00000000', '00')]],
    ['a block that is too long', [linked, hex('01000100')]],
    ['literals that are not there', [linked, block(hex('f0', '20', '61'))]],
    ['a copy from before the start', [linked, block(hex('10', '61', '0200', '00'))]],
    ['a copy from nowhere', [linked, block(hex('10', '61', '0000', '00'))]],
    ['something else behind', [linked, end, hex('01020304')]],
    ['a file that is cut off', [linked, hex('08000000', '8061')]],
    [
      'a block that grows longer than it may',
      [linked, block(Buffer.concat([hex('1f', '61', '0100'), Buffer.alloc(300, 255), hex('00', '00')]))],
    ],
  ])('%s is refused', (_, pieces) => {
    expect(() => unpack(pieces)).toThrow(Lz4Error);
  });

  test('in pieces of any size it is the same', () => {
    const content = Buffer.concat([pattern(5000), pattern(5000), Buffer.alloc(9000, 7)]);
    const file = Buffer.concat([
      linked,
      ...[0, 6000, 12_000].map((at) => block(packed(content.subarray(at, at + 6000)))),
      block(packed(content.subarray(18_000))),
      end,
    ]);
    expect(file.length).toBeLessThan(content.length);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: file.length }), { maxLength: 12 }), (cuts) => {
        const sorted = [0, ...cuts.sort((one, other) => one - other), file.length];
        const pieces = sorted.slice(1).map((cut, at) => file.subarray(sorted[at], cut));
        expect(Buffer.from(unpack(pieces), 'latin1').equals(content)).toBe(true);
      }),
    );
  });

  test('any damage is refused, or comes to something', () => {
    const file = Buffer.concat([linked, block(packed(Buffer.alloc(3000, 'abc'))), end]);
    fc.assert(
      fc.property(fc.nat({ max: file.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        const damaged = Buffer.from(file);
        damaged[at] = byte;
        try {
          expect(unpack([damaged]).length).toBeLessThanOrEqual(2 * 65_536);
        } catch (error) {
          expect(error).toBeInstanceOf(Lz4Error);
        }
      }),
    );
  });
});

function copied(): string {
  let text = 'abcdefghxyz';
  text += text.slice(-4) + text.slice(-4)[0];
  text += text.slice(-11, -7);
  return `${text}!?`.slice(8);
}

function unpack(pieces: readonly Uint8Array[]): string {
  const decoder = new Lz4();
  const out: Buffer[] = [];
  for (const piece of pieces) for (const bytes of decoder.push(piece)) out.push(Buffer.from(bytes));
  decoder.end();
  return Buffer.concat(out).toString('latin1');
}

function block(data: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(data.length);
  return Buffer.concat([head, data]);
}

/** Literals and runs: the least that a compressor does. */
function packed(content: Uint8Array): Uint8Array {
  const out: number[] = [];
  const long = (length: number): number[] => {
    const rest: number[] = [];
    let left = length - 15;
    for (; left >= 255; left -= 255) rest.push(255);
    return left >= 0 ? [...rest, left] : rest;
  };
  let at = 0;
  let start = 0;
  const flush = (run: number): void => {
    const literals = content.subarray(start, at);
    const more = run === 0 ? 0 : run - 4;
    out.push((Math.min(15, literals.length) << 4) | Math.min(15, more), ...long(literals.length), ...literals);
    if (run > 0) out.push(1, 0, ...long(more));
  };
  while (at < content.length) {
    let run = 0;
    while (at > 0 && at + run < content.length && content[at + run] === content[at - 1]) run++;
    if (run < 4) {
      at++;
      continue;
    }
    flush(run);
    at += run;
    start = at;
  }
  flush(0);
  return Uint8Array.from(out);
}
