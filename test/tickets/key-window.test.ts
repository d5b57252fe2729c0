import { expect, test } from 'vitest';
import { KeyWindow, ticketKeyLength } from '../../src/tickets/key-window.ts';

const key = (byte: number): Uint8Array => new Uint8Array(ticketKeyLength).fill(byte);

/** At `epoch`: the first byte of each key in the order of their time, the one that seals in brackets. */
function shown(keys: KeyWindow, epoch: number): string {
  keys.turn(epoch);
  const held = keys.held();
  if (!held) return 'none';
  const first = Array.from({ length: held.keys.length / ticketKeyLength }, (_, n) => held.keys[n * ticketKeyLength]);
  return first.map((byte, n) => (n === held.sealing ? `[${byte}]` : `${byte}`)).join(' ');
}

function windowOf(...epochs: number[]): KeyWindow {
  const keys = new KeyWindow();
  for (const epoch of epochs) keys.adopt(epoch, key(epoch));
  return keys;
}

test('the key of the time seals, all open', () => {
  const keys = windowOf(7, 5, 6, 8);
  expect(shown(keys, 6)).toBe('5 [6] 7 8');
  expect(shown(keys, 7)).toBe('6 [7] 8');
});

test('it says when another key seals', () => {
  const keys = windowOf(5, 6);
  expect([5, 5, 6, 7].map((epoch) => keys.turn(epoch))).toEqual([true, false, true, false]);
  keys.adopt(7, key(7));
  expect(keys.turn(7)).toBe(true);
  keys.adopt(7, key(70));
  expect(keys.turn(7)).toBe(true);
});

test('without a key of the time the last known one goes on, and opens for as long as others behind that', () => {
  const keys = windowOf(5, 6);
  expect(shown(keys, 6)).toBe('5 [6]');
  expect(shown(keys, 50)).toBe('[6]');
  keys.adopt(50, key(50));
  keys.adopt(51, key(51));
  keys.adopt(52, key(52));
  expect(shown(keys, 50)).toBe('6 [50] 51 52');
  expect(shown(keys, 51)).toBe('6 50 [51] 52');
  expect(shown(keys, 52)).toBe('51 [52]');
});

test('before all keys, the first seals', () => {
  expect(shown(windowOf(5, 6), 3)).toBe('[5]');
  expect(shown(windowOf(5, 6), 4)).toBe('[5] 6');
  expect(shown(new KeyWindow(), 3)).toBe('none');
});

test('a key that others have not agreed on goes on opening, as long as its epoch', () => {
  const keys = windowOf(5, 6);
  expect(keys.adopt(6, key(6))).toBe(false);
  expect(keys.adopt(6, key(60))).toBe(true);
  expect(shown(keys, 6)).toBe('5 6 [60]');
  expect(keys.adopt(6, key(6))).toBe(true);
  expect(shown(keys, 6)).toBe('5 60 [6]');
  keys.adopt(8, key(8));
  expect(shown(keys, 8)).toBe('[8]');
});

test('a store that answers differently each time does not fill it', () => {
  const keys = windowOf(5);
  for (let byte = 100; byte < 150; byte++) {
    keys.adopt(5, key(byte));
    keys.turn(5);
  }
  expect(shown(keys, 5)).toBe('141 142 143 144 145 146 147 148 [149]');
});

test('keys of a future that a wrong clock told are retired', () => {
  expect(shown(windowOf(5, 6, 7, 5000, 5001), 5)).toBe('[5] 6 7');
});

test('what retires is wiped, and what is given away is a copy', () => {
  const keys = windowOf(5, 6, 7);
  const views = [5, 6, 7].map((epoch) => keys.key(epoch));
  keys.turn(6);
  keys.held()?.keys.fill(0);
  keys.turn(7);
  expect(views.map((view) => view?.every((byte) => byte === 0))).toEqual([true, false, false]);
  keys.clear();
  expect(views.every((view) => view?.every((byte) => byte === 0))).toBe(true);
});
