import { expect, test, vi } from 'vitest';
import { loadAddon } from '../../src/platform/addon/addon.ts';
import { createAddonOpener } from '../../src/platform/records/addon-aead.ts';
import * as header from '../../src/record/header.ts';
import { RecordBuffer } from '../../src/record/record-buffer.ts';
import { referenceSeal } from '../helpers/reference-protection.ts';
import { unless } from '../helpers/unless.ts';

// A peer chooses how many records are in what it sends and which of them stop the reader. The work must grow with their bytes, not with their
// square.
vi.mock('../../src/record/header.ts', async (original) => {
  const real = await original<typeof header>();
  return { ...real, readHeader: vi.fn(real.readHeader) };
});

const count = 2000;
const keys = { version: 0x0304, aead: 'aes-128-gcm', key: Buffer.alloc(16, 1), iv: Buffer.alloc(12, 2) } as const;

test('whole records are walked over once, however many of them are consumed at a time', () => {
  const record = Uint8Array.of(23, 3, 3, 0, 1, 0);
  const buffer = new RecordBuffer();
  buffer.push(Buffer.concat(Array.from({ length: count }, () => record)));
  vi.mocked(header.readHeader).mockClear();
  for (let left = count; left > 0; left--) {
    expect(buffer.wholeRecords()?.length).toBe(left * record.length);
    buffer.consume(record.length);
  }
  expect(vi.mocked(header.readHeader).mock.calls.length).toBeLessThan(4 * count);
});

unless('refused' in loadAddon() && 'no addon', test)('control records among data take memory by their bytes', () => {
  const opener = createAddonOpener({ ...keys, sequenceNumber: 0n });
  if ('refused' in opener) throw new Error(opener.refused);
  const wire = Buffer.concat(
    Array.from({ length: count }, (_, i) =>
      referenceSeal({ ...keys, sequenceNumber: 0n }, BigInt(i), i % 2 === 0 ? 22 : 23, Uint8Array.of(1)),
    ),
  );
  const allocations = vi.spyOn(Buffer, 'allocUnsafeSlow');
  let at = 0;
  let opened = 0;
  for (; at < wire.length; opened++) at += opener.open(wire.subarray(at)).consumed;
  opener.dispose();
  expect(opened).toBeGreaterThanOrEqual(count / 2);
  const taken = allocations.mock.calls.reduce((sum, [length]) => sum + length, 0);
  allocations.mockRestore();
  // allocateRecords() itself leaves one block, untouched, to be freed.
  expect(taken).toBeLessThan(32 * 1024 * 1024 + 4 * wire.length);
});
