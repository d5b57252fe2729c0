import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { captureCryptography } from '../../src/decrypt/capture-cryptography.ts';
import { HandshakeMessages } from '../../src/dissect/handshake/handshake-messages.ts';
import { KeyExchange } from '../../src/dissect/handshake/key-exchange.ts';
import { MemoryBudget } from '../../src/pcap/memory-budget.ts';
import { pattern } from '../helpers/pattern.ts';

const longest = 131_396;

function message(type: number, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(type, body.length >> 16, (body.length >> 8) & 255, body.length & 255), body]);
}

/** What is left of a budget. */
function left(budget: MemoryBudget): number {
  let found = 0;
  for (let step = 2 ** 30; step >= 1; step /= 2) {
    if (!budget.take(found + step)) continue;
    budget.give(found + step);
    found += step;
  }
  return found;
}

describe('messages of a handshake', () => {
  test('the longest hello that OpenSSL takes is kept, in any pieces; a longer one is passed over', () => {
    const all = Buffer.concat([message(1, pattern(longest)), message(1, pattern(longest + 1)), message(2, pattern(5))]);
    for (const size of [1000, 16_384, all.length]) {
      const messages = new HandshakeMessages('hellos', new MemoryBudget(2 ** 20));
      const found: { type: number; body: Uint8Array }[] = [];
      for (let at = 0; at < all.length; at += size) found.push(...messages.push(all.subarray(at, at + size)));
      expect(found.map(({ type, body }) => [type, body.length])).toEqual([
        [1, longest],
        [1, 0],
        [2, 5],
      ]);
      expect(Buffer.from(found[0]?.body ?? []).equals(pattern(longest))).toBe(true);
    }
  });

  test('a header alone takes little, and what is taken is given back', () => {
    const budget = new MemoryBudget(2 ** 20);
    const messages = new HandshakeMessages('hellos', budget);
    messages.push(message(1, new Uint8Array(longest)).subarray(0, 4));
    expect(left(budget)).toBeGreaterThan(2 ** 20 - 4096);
    messages.push(new Uint8Array(100_000));
    expect(left(budget)).toBeLessThanOrEqual(2 ** 20 - 100_000);
    messages.push(new Uint8Array(longest - 100_000));
    expect(left(budget)).toBe(2 ** 20);
  });

  test('without room they go on, without their bodies', () => {
    const messages = new HandshakeMessages('hellos', new MemoryBudget(10_000));
    const all = Buffer.concat([message(1, pattern(longest)), message(2, pattern(5))]);
    const found = [all.subarray(0, 9000), all.subarray(9000)].flatMap((part) => messages.push(part));
    expect(found.map(({ type, body }) => [type, body.length])).toEqual([
      [1, 0],
      [2, 5],
    ]);
  });
});

describe('a key exchange', () => {
  const prf = { version: 0x0303, hash: 'sha256' } as const;
  const client = [
    { type: 1, body: pattern(50, 1) },
    { type: 16, body: Uint8Array.of(0, 3, 7, 8, 9) },
  ];
  const server = [
    { type: 2, body: pattern(40, 2) },
    { type: 11, body: pattern(300, 3) },
    { type: 14, body: new Uint8Array() },
  ];
  const inOrder = [...client.slice(0, 1), ...server, ...client.slice(1)];
  const expected = createHash('sha256')
    .update(Buffer.concat(inOrder.map(({ type, body }) => message(type, body))))
    .digest();

  test('has the messages’ hash, whichever direction comes first', () => {
    for (const clientFirst of [true, false]) {
      const exchange = new KeyExchange(new MemoryBudget(2 ** 20));
      const add = (sender: 'client' | 'server'): void => {
        for (const each of sender === 'client' ? client : server) exchange.add(sender, each);
      };
      add(clientFirst ? 'client' : 'server');
      expect(exchange.isWaiting(clientFirst ? 'client' : 'server')).toBe(true);
      expect(exchange.sessionHash(captureCryptography, prf)).toBeUndefined();
      add(clientFirst ? 'server' : 'client');
      // What comes behind is no part of it.
      exchange.add('client', { type: 20, body: pattern(12) });
      exchange.add('server', { type: 4, body: pattern(12) });
      expect(exchange.isWaiting('client') || exchange.isWaiting('server')).toBe(false);
      expect(exchange.encrypted).toEqual(Uint8Array.of(7, 8, 9));
      expect(Buffer.from(exchange.sessionHash(captureCryptography, prf) ?? []).equals(expected)).toBe(true);
    }
  });

  test('keeps no more than there is room for, and gives it back', () => {
    const budget = new MemoryBudget(1000);
    const exchange = new KeyExchange(budget);
    for (const each of client) exchange.add('client', each);
    for (let at = 0; at < 9; at++) exchange.add('server', { type: 11, body: pattern(300) });
    exchange.add('server', { type: 14, body: new Uint8Array() });
    expect(exchange.sessionHash(captureCryptography, prf)).toBeUndefined();
    expect(left(budget)).toBeLessThan(400);
    exchange.dispose();
    expect(left(budget)).toBe(1000);
  });
});
