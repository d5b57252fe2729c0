import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTicketKeyring, memoryStore, type SharedStore, type TicketKeyring } from '../../src/tickets.ts';

/** What a server would have: the keys by their first bytes, the one that seals first. */
class Holder {
  sealing = '';
  opening: string[] = [];

  setTicketKeys(keys: Uint8Array, sealing: number): void {
    const all = Array.from({ length: keys.length / 48 }, (_, n) => Buffer.from(keys.subarray(n * 48, n * 48 + 48)));
    this.opening = all.map((key) => key.toString('hex'));
    this.sealing = this.opening[sealing] ?? 'none';
  }
}

const keyrings: TicketKeyring[] = [];
const rotateEvery = 10_000;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000_000 });
  return () => vi.useRealTimers();
});

afterEach(() => {
  for (const keyring of keyrings.splice(0)) keyring.close();
});

function machine(store: SharedStore, options: object = {}) {
  const keyring = createTicketKeyring({ store, rotateEvery, storeTimeout: 1000, ...options });
  keyrings.push(keyring);
  const holder = new Holder();
  keyring.supply(holder);
  const failures: string[] = [];
  keyring.on('failed', (error) => failures.push(`${Reflect.get(error, 'code')} ${error.message}`));
  return { keyring, holder, failures };
}

/** A store that can be away, slow, emptied, and made to answer anything. */
class Trouble implements SharedStore {
  inner = memoryStore();
  mode: 'well' | 'down' | 'silent' | { readonly answers: string } = 'well';
  delay = 0;

  async get(name: string): Promise<string | null | undefined> {
    await this.#pass();
    return typeof this.mode === 'object' ? this.mode.answers : await this.inner.get(name);
  }

  async add(name: string, value: string, milliseconds: number): Promise<unknown> {
    await this.#pass();
    return await this.inner.add(name, value, milliseconds);
  }

  async #pass(): Promise<void> {
    if (this.mode === 'down') throw new Error('down');
    if (this.mode === 'silent') await new Promise(() => {});
    if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));
  }
}

const opens = (one: Holder, other: Holder): boolean => one.opening.includes(other.sealing);

test('all who share a store seal with the same key, which changes by the clock and opens for one more span', async () => {
  const store = memoryStore();
  const [a, b] = [machine(store), machine(store)];
  expect(await Promise.all([a.keyring.ready(), b.keyring.ready()])).toEqual([true, true]);
  const seen: string[] = [];
  for (let span = 0; span < 6; span++) {
    expect(a.holder.sealing).toBe(b.holder.sealing);
    expect(seen).not.toContain(a.holder.sealing);
    seen.push(a.holder.sealing);
    expect(seen.slice(-2).every((key) => a.holder.opening.includes(key))).toBe(true);
    expect(seen.slice(0, -2).some((key) => a.holder.opening.includes(key))).toBe(false);
    await vi.advanceTimersByTimeAsync(rotateEvery);
  }
  expect(a.failures).toEqual([]);
});

test('one that comes later has the keys of those that are there', async () => {
  const store = memoryStore();
  const a = machine(store);
  await vi.advanceTimersByTimeAsync(2.5 * rotateEvery);
  const before = a.holder.opening.filter((_, n) => n < 2);
  const late = machine(store);
  await late.keyring.ready();
  expect(late.holder.sealing).toBe(a.holder.sealing);
  expect(before.every((key) => late.holder.opening.includes(key))).toBe(true);
});

test('what was sealed before the store has answered, opens', async () => {
  const store = memoryStore();
  await machine(store).keyring.ready();
  const late = machine(store);
  const early = late.holder.sealing;
  await late.keyring.ready();
  expect(late.holder.sealing).not.toBe(early);
  expect(late.holder.opening).toContain(early);
});

test('clocks that differ by almost a span lose nothing', async () => {
  const store = memoryStore();
  const a = machine(store);
  await vi.advanceTimersByTimeAsync(2 * rotateEvery);
  const now = Date.now();
  vi.setSystemTime(now + rotateEvery - 1);
  const fast = machine(store);
  await fast.keyring.ready();
  vi.setSystemTime(now - rotateEvery + 1);
  const slow = machine(store);
  await slow.keyring.ready();
  vi.setSystemTime(now);
  expect([opens(a.holder, fast.holder), opens(fast.holder, a.holder)]).toEqual([true, true]);
  expect([opens(a.holder, slow.holder), opens(slow.holder, a.holder)]).toEqual([true, true]);
});

describe('a store that is', () => {
  const troubles: [string, Trouble['mode'], RegExp][] = [
    ['down', 'down', /^ERR_KTLS_TICKET_STORE The store of ktls\/tickets failed: down$/],
    ['silent', 'silent', /did not answer within 1000 ms$/],
    ['answering rubbish', { answers: 'rubbish' }, /is nothing that was put there$/],
    ['answering something short', { answers: 'k1:AAAA' }, /is no key$/],
    ['answering what no base64 is', { answers: 'k1:???' }, /is nothing that was put there$/],
  ];

  test.each(troubles)('%s for two spans loses nothing, nor for longer', async (_what, mode, message) => {
    const store = new Trouble();
    const [a, b] = [machine(store), machine(store)];
    const recovered = vi.fn();
    a.keyring.on('recovered', recovered);
    await vi.advanceTimersByTimeAsync(1.5 * rotateEvery);
    store.mode = mode;
    for (let span = 0; span < 6; span++) {
      const before = a.holder.sealing;
      await vi.advanceTimersByTimeAsync(rotateEvery);
      expect(a.holder.sealing).toBe(b.holder.sealing);
      expect(a.holder.opening).toContain(before);
      expect(a.holder.sealing === before).toBe(span >= 2);
    }
    expect(a.failures[0]).toMatch(message);
    expect(recovered).not.toHaveBeenCalled();
    store.mode = 'well';
    const before = a.holder.sealing;
    await vi.advanceTimersByTimeAsync(rotateEvery);
    expect(a.holder.sealing).not.toBe(before);
    expect(a.holder.opening).toContain(before);
    expect(a.holder.sealing).toBe(b.holder.sealing);
    expect(recovered).toHaveBeenCalledTimes(1);
  });

  test('emptied is given the keys that are known, for those who come', async () => {
    const store = new Trouble();
    const [a, b] = [machine(store), machine(store)];
    await vi.advanceTimersByTimeAsync(1.2 * rotateEvery);
    const before = a.holder.sealing;
    store.inner = memoryStore();
    await vi.advanceTimersByTimeAsync(0.4 * rotateEvery);
    const late = machine(store);
    await late.keyring.ready();
    expect([a, b, late].map(({ holder }) => holder.sealing)).toEqual([before, before, before]);
  });

  test('emptied, and first asked by one who comes, makes all agree again, and nothing is lost', async () => {
    const store = new Trouble();
    const a = machine(store);
    await vi.advanceTimersByTimeAsync(1.2 * rotateEvery);
    const before = a.holder.sealing;
    store.inner = memoryStore();
    const late = machine(store);
    await late.keyring.ready();
    await vi.advanceTimersByTimeAsync(0.4 * rotateEvery);
    expect(a.holder.sealing).toBe(late.holder.sealing);
    expect(a.holder.sealing).not.toBe(before);
    expect(a.holder.opening).toContain(before);
  });

  test('slow changes nothing', async () => {
    const store = new Trouble();
    store.delay = 900;
    const [a, b] = [machine(store), machine(store)];
    const first = a.holder.sealing;
    expect(first).toHaveLength(96);
    await vi.advanceTimersByTimeAsync(3000);
    for (let span = 0; span < 4; span++) {
      await vi.advanceTimersByTimeAsync(rotateEvery);
      expect(a.holder.sealing).toBe(b.holder.sealing);
    }
    expect(a.failures).toEqual([]);
  });

  test('away from the beginning leaves a key of one’s own, and is told', async () => {
    const store = new Trouble();
    store.mode = 'down';
    const a = machine(store);
    expect(await a.keyring.ready()).toBe(false);
    expect(a.holder.sealing).toHaveLength(96);
    expect(a.failures).toHaveLength(1);
  });
});

describe('with a secret', () => {
  const secret = randomBytes(32);

  test('nothing in the store shows a key, nor opens with another secret or under another name', async () => {
    const values = new Map<string, string>();
    const store: SharedStore = {
      get: async (name) => values.get(name),
      add: async (name, value) => void (values.has(name) || values.set(name, value)),
    };
    const a = machine(store, { secret });
    await a.keyring.ready();
    const key = Buffer.from(a.holder.sealing, 'hex');
    for (const value of values.values()) {
      expect(value).toMatch(/^s1:/);
      expect(Buffer.from(value.slice(3), 'base64').includes(key.subarray(0, 16))).toBe(false);
    }
    const stranger = machine(store, { secret: randomBytes(32) });
    expect(await stranger.keyring.ready()).toBe(false);
    expect(stranger.failures[0]).toMatch(/sealed with another secret, or changed$/);
    const open = machine(store);
    expect(await open.keyring.ready()).toBe(false);
    expect(open.failures[0]).toMatch(/is sealed$/);
    const names = [...values.keys()];
    const [first = '', second = ''] = names;
    values.set(first, values.get(second) ?? '');
    const late = machine(store, { secret: secret.toString('latin1') });
    expect(await late.keyring.ready()).toBe(false);
  });

  test('it may be text, bytes or a KeyObject', async () => {
    const store = memoryStore();
    const text = 'sixteen bytes and more';
    const all = [text, Buffer.from(text), new DataView(new TextEncoder().encode(text).buffer)];
    const machines = all.map((one) => machine(store, { secret: one }));
    for (const { keyring } of machines) expect(await keyring.ready()).toBe(true);
    expect(new Set(machines.map(({ holder }) => holder.sealing)).size).toBe(1);
  });
});

test('an error of the store shows no key, whatever its client puts on it', async () => {
  const values: string[] = [];
  const store: SharedStore = {
    get: async () => undefined,
    // As ioredis tells the command that a replica refused, and as servers quote what they did not understand.
    add: async (name, value) => {
      values.push(value);
      const args = [name, value, 'PX', '1', 'NX'];
      throw Object.assign(new Error(`ERR unknown command, with args beginning with: '${value.slice(0, 50)}`), {
        code: 'ERR',
        command: { name: 'set', args },
      });
    },
  };
  for (const options of [{}, { secret: 'a secret of many bytes' }]) {
    const { keyring } = machine(store, options);
    const told: Error[] = [];
    keyring.on('failed', (error) => told.push(error));
    await keyring.ready();
    const [error] = told;
    expect(error?.message).toMatch(/^The store of ktls\/tickets failed: ERR unknown command, .*'…$/);
    expect(error?.cause).toMatchObject({ code: 'ERR' });
    const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error);
    for (const value of values) expect(shown).not.toContain(value.slice(3, 20));
    expect(JSON.stringify(error)).not.toContain('cause');
  }
});

test.each([
  ['far too long', `k1:${'A'.repeat(1_000_000)}`],
  ['no text', 5],
])('what the store answers is %s', async (_what, answer) => {
  const { keyring, failures } = machine({ get: vi.fn().mockResolvedValue(answer), add: async () => {} });
  expect(await keyring.ready()).toBe(false);
  expect(failures[0]).toMatch(/is nothing that was put there$/);
});

test('a keyring that is closed does not wait for a store that is silent', async () => {
  const { keyring, failures } = machine({ get: () => new Promise(() => {}), add: () => new Promise(() => {}) });
  expect([keyring.closed, vi.getTimerCount() > 0]).toEqual([false, true]);
  keyring.close();
  expect([await keyring.ready(), keyring.closed, vi.getTimerCount(), failures]).toEqual([false, true, 0, []]);
});

test('a keyring that is closed asks nothing any more, and its servers have keys of their own', async () => {
  const store = memoryStore();
  const get = vi.spyOn(store, 'get');
  const a = machine(store);
  const other = new Holder();
  a.keyring.supply(other);
  await a.keyring.ready();
  expect(other.sealing).toBe(a.holder.sealing);
  const before = a.holder.sealing;
  a.keyring.close();
  const asked = get.mock.calls.length;
  expect(a.holder.opening).toHaveLength(1);
  expect(a.holder.opening).not.toContain(before);
  expect(a.holder.sealing).not.toBe(other.sealing);
  await vi.advanceTimersByTimeAsync(5 * rotateEvery);
  expect(get.mock.calls.length).toBe(asked);
});

test('a listener that throws is not the end of the rotation', async () => {
  const a = machine(memoryStore());
  await a.keyring.ready();
  a.keyring.once('rotated', () => {
    throw new Error('a listener’s own');
  });
  const seen = [a.holder.sealing];
  await expect(vi.advanceTimersByTimeAsync(rotateEvery)).rejects.toThrow('a listener’s own');
  for (let span = 0; span < 2; span++) {
    await vi.advanceTimersByTimeAsync(rotateEvery);
    seen.push(a.holder.sealing);
  }
  expect(new Set(seen).size).toBe(3);
});

test('one holder that fails is told of, and the others have their keys', async () => {
  const a = machine(memoryStore());
  const holder = { setTicketKeys: () => expect.fail('cannot') };
  a.keyring.supply(holder);
  expect(a.failures).toHaveLength(1);
  const before = a.holder.sealing;
  await vi.advanceTimersByTimeAsync(rotateEvery);
  expect(a.holder.sealing).not.toBe(before);
  expect(holder).toBeDefined();
});

test('no key is shown', async () => {
  const a = machine(memoryStore(), { secret: 'a secret of many bytes' });
  await a.keyring.ready();
  const shown = inspect(a.keyring, { depth: 9, showHidden: true }) + JSON.stringify(a.keyring);
  expect(shown).not.toContain(a.holder.sealing.slice(0, 16));
  expect(shown).not.toMatch(/a secret of|Uint8Array|Buffer/);
});

test.each([
  [{ rotateEvery: 999 }, 'ERR_OUT_OF_RANGE'],
  [{ rotateEvery: 302_400_001 }, 'ERR_OUT_OF_RANGE'],
  [{ rotateEvery: '5' }, 'ERR_INVALID_ARG_TYPE'],
  [{ storeTimeout: Number.NaN }, 'ERR_OUT_OF_RANGE'],
  [{ prefix: 'a b' }, 'ERR_INVALID_ARG_VALUE'],
  [{ prefix: 5 }, 'ERR_INVALID_ARG_TYPE'],
  [{ secret: 'short' }, 'ERR_INVALID_ARG_VALUE'],
  [{ secret: 5 }, 'ERR_INVALID_ARG_TYPE'],
  // A variable of the environment that is not set: what was to be sealed would not be.
  [{ secret: undefined }, 'ERR_INVALID_ARG_TYPE'],
  [{ secret: null }, 'ERR_INVALID_ARG_TYPE'],
  [{ store: {} }, 'ERR_INVALID_ARG_TYPE'],
  [{ store: { get: () => {} } }, 'ERR_INVALID_ARG_TYPE'],
  ['text', 'ERR_INVALID_ARG_TYPE'],
])('%j is refused', (options, code) => {
  expect(() => Reflect.apply(createTicketKeyring, undefined, [options])).toThrow(expect.objectContaining({ code }));
});
