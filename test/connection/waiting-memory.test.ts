import { expect, test } from 'vitest';
import { WaitingMemory } from '../../src/connection/waiting-memory.ts';

const mebibyte = 1024 * 1024;

test('what was given back serves again, and what was not is nobody else’s', () => {
  const memory = new WaitingMemory();
  const [first, second] = [memory.copy(Buffer.alloc(50_000, 1)), memory.copy(Buffer.alloc(50_000, 2))];
  expect(second.buffer).not.toBe(first.buffer);
  memory.giveBack(first);
  const third = memory.copy(Buffer.alloc(40_000, 3));
  expect(third.buffer).toBe(first.buffer);
  expect(third).toEqual(new Uint8Array(40_000).fill(3));
  expect(second).toEqual(new Uint8Array(50_000).fill(2));
});

test('a little is not kept in much, and only so much is kept', () => {
  const memory = new WaitingMemory();
  const large = memory.copy(Buffer.alloc(256 * 1024));
  memory.giveBack(large);
  expect(memory.copy(Buffer.alloc(100)).buffer).not.toBe(large.buffer);
  const many = Array.from({ length: 100 }, () => memory.copy(Buffer.alloc(64 * 1024)));
  for (const one of many) memory.giveBack(one);
  expect(memory.spareLength).toBeGreaterThan(mebibyte);
  expect(memory.spareLength).toBeLessThanOrEqual(2 * mebibyte);
});
