import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { answerFrom } from '../../src/tickets/asked-store.ts';
import { memoryStore } from '../../src/tickets.ts';

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

test('keeps as many as OpenSSL does, and of more the newest', async () => {
  const store = memoryStore();
  for (let n = 0; n <= 20_480; n++) await store.add(`${n}`, 'value', 1000);
  expect([await store.get('0'), await store.get('1'), await store.get('20480')]).toEqual([undefined, 'value', 'value']);
});

test('keeps each for its time, the first of a name', async () => {
  const store = memoryStore();
  await store.add('a', 'one', 1000);
  await store.add('a', 'two', 5000);
  await store.add('b', 'long', 5000);
  vi.advanceTimersByTime(999);
  expect(await store.get('a')).toBe('one');
  vi.advanceTimersByTime(1);
  expect([await store.get('a'), await store.get('b')]).toEqual([undefined, 'long']);
  await store.add('a', 'three', 1000);
  expect(await store.get('a')).toBe('three');
});

test('rubbish on the channel of a store is passed over', async () => {
  const asked: unknown[] = [];
  const store = {
    get: async (name: string) => void asked.push(name),
    add: async (name: string) => void asked.push(name),
  };
  const answers: object[] = [];
  const marked = [
    ...[undefined, 5, {}, { id: 5, get: 'a' }, { id: 'x', get: 5 }, { id: 'x', add: 'a' }],
    ...[
      { id: 'x', add: 'a', value: 'v', milliseconds: 5n },
      { id: 'x', add: 'a', value: 5, milliseconds: 5 },
    ],
  ];
  for (const one of marked) answerFrom(store, { 'ktls/tickets': one }, (answer) => answers.push(answer));
  answerFrom(store, { 'ktls/tickets': { id: 'x', get: 'good' } }, (answer) => answers.push(answer));
  await vi.advanceTimersByTimeAsync(1);
  expect([asked, answers.length]).toEqual([['good'], 1]);
});

test('a store that fails for another process is no reason for this one to end', async () => {
  const store = { get: () => Promise.reject(new Error('down')), add: () => Promise.reject(new Error('down')) };
  const answers: object[] = [];
  answerFrom(store, { 'ktls/tickets': { id: 'x', get: 'a' } }, (answer) => answers.push(answer));
  await vi.advanceTimersByTimeAsync(1);
  expect(answers).toEqual([]);
});
