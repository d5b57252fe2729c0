import { describe, expect, test } from 'vitest';
import { Outbox } from '../../src/connection/outbox.ts';
import type { ByteSink } from '../../src/connection/record-layer.ts';
import { ContentType } from '../../src/protocol/content-type.ts';
import type { RecordSealer } from '../../src/record/protection.ts';

const length = 1_000_000;

test('a large write leaves part by part, each as soon as it is sealed', () => {
  const { outbox, happened } = start(Number.POSITIVE_INFINITY);
  let done = 0;
  outbox.seal(plain(happened), ContentType.applicationData, pattern, () => done++);
  outbox.flush();
  const part = 256 * 1024;
  const last = length - 3 * part;
  expect(happened.map(({ what, bytes }) => [what, bytes.length])).toEqual(
    [part, part, part, last].flatMap((size) => [
      ['sealed', size],
      ['sent', size],
    ]),
  );
  expect(wire(happened).equals(pattern)).toBe(true);
  expect(done).toBe(1);
});

test('what the system does not take at once follows in one piece, in order', () => {
  const taken = 300_000;
  const { outbox, happened, finish } = start(taken);
  let done = 0;
  outbox.seal(plain(happened), ContentType.applicationData, pattern, () => done++);
  outbox.flush();
  expect(wire(happened).equals(pattern)).toBe(true);
  expect(happened.filter(({ what }) => what === 'sealed')).toHaveLength(3);
  expect(done).toBe(0);
  finish();
  expect(done).toBe(1);
});

test('two that are in the middle of something do not write over each other', () => {
  const [first, second, third] = [start(Infinity), start(Infinity), start(Infinity)];
  const bytes = (value: number): Buffer => Buffer.alloc(100, value);
  // What is told of the first's bytes makes somebody write with the third.
  first.outbox.add(bytes(1), () => third.outbox.add(bytes(3), () => {}));
  second.outbox.add(bytes(2), () => {});
  first.outbox.seal(plain(first.happened), ContentType.applicationData, bytes(4), () => {});
  second.outbox.flush();
  first.outbox.flush();
  third.outbox.flush();
  const sent = ({ happened }: { happened: readonly Happened[] }): number[] => [...new Set(wire(happened))];
  expect([sent(first), sent(second), sent(third)]).toEqual([[1, 4], [2], [3]]);
});

test.each([100, 100_000, 1_000_000])('who gives all up when told of what left sends no more: %d bytes', (size) => {
  const { outbox, happened } = start(Infinity);
  const told: unknown[] = [];
  const gone = (): Error => new Error('gone');
  const seal = (bytes: Uint8Array): void =>
    outbox.seal(plain(happened), ContentType.applicationData, bytes, (error) => told.push(error));
  outbox.add(Buffer.alloc(16_000, 1), () => outbox.giveUp(gone));
  // There is no room for it until what is there has left.
  outbox.add(Buffer.alloc(10, 1), () => {});
  for (let i = 0; i < 3; i++) seal(Buffer.alloc(size + 260 * 1024, 2));
  seal(Buffer.alloc(size, 2));
  outbox.add(Buffer.alloc(size, 2), (error) => told.push(error));
  outbox.flush();
  expect(told).toEqual([gone(), gone(), gone(), gone(), gone()]);
  expect(happened.map(({ what, bytes }) => [what, bytes.length])).toEqual([['sent', 16_010]]);
});

test('nothing is sealed behind what the system has not taken, once all is given up', () => {
  const { outbox, happened } = start(0);
  outbox.add(Buffer.alloc(10), () => {});
  outbox.flush();
  outbox.giveUp(() => new Error('gone'));
  const told: unknown[] = [];
  outbox.seal(plain(happened), ContentType.applicationData, Buffer.alloc(10), (error) => told.push(error));
  expect(told).toEqual([new Error('gone')]);
  expect(happened.filter(({ what }) => what === 'sealed')).toEqual([]);
});

test('memory that was full and has been emptied is held again', () => {
  const [first, second] = [start(Infinity), start(Infinity)];
  const [whole, ours, others] = [Buffer.alloc(256 * 1024, 1), Buffer.alloc(16_000, 2), Buffer.alloc(16_000, 3)];
  first.outbox.seal(plain(first.happened), ContentType.applicationData, whole, () => {});
  first.outbox.add(ours, () => {});
  second.outbox.add(others, () => {});
  second.outbox.flush();
  first.outbox.flush();
  expect(wire(first.happened).equals(Buffer.concat([whole, ours]))).toBe(true);
  expect(wire(second.happened).equals(others)).toBe(true);
});

describe('a sink that takes nothing at once', () => {
  const part = 100_000;
  const first = Buffer.alloc(part, 1);

  test('is given the same memory again when it is done with it, and not before', () => {
    const { sealTo, finish } = startIndirect(true);
    const written = sealTo(first);
    const meanwhile = sealTo(Buffer.alloc(part, 2));
    expect(meanwhile.buffer).not.toBe(written.buffer);
    expect(Buffer.compare(written, first)).toBe(0);
    finish();
    const again = [sealTo(Buffer.alloc(part, 3)), sealTo(Buffer.alloc(part, 4))];
    const used = new Set([written.buffer, meanwhile.buffer]);
    expect(again.map(({ buffer }) => used.delete(buffer))).toEqual([true, true]);
    expect(again.map(([value]) => value)).toEqual([3, 4]);
  });

  test('is given new memory each time where it hands on what is written', () => {
    const { sealTo, finish } = startIndirect(false);
    const written = sealTo(first);
    finish();
    sealTo(Buffer.alloc(part, 2));
    expect(Buffer.compare(written, first)).toBe(0);
  });
});

const pattern = Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 7919) >>> 8));

interface Happened {
  readonly what: 'sealed' | 'sent' | 'queued';
  readonly bytes: Buffer;
}

/** A sink whose system takes so many bytes at once. */
function start(takes: number): { outbox: Outbox; happened: Happened[]; finish(): void } {
  const happened: Happened[] = [];
  const waiting: (() => void)[] = [];
  let [left, pending] = [takes, 0];
  const sink: ByteSink = {
    get pending() {
      return pending;
    },
    isDirect: true,
    isDoneWithMemory: true,
    writeNow(bytes) {
      if (pending > 0) return 0;
      const sent = bytes.slice(0, Math.min(bytes.length, left));
      left -= sent.length;
      happened.push({ what: 'sent', bytes: Buffer.from(sent) });
      return sent.length;
    },
    write(bytes, done) {
      pending += bytes.length;
      happened.push({ what: 'queued', bytes: Buffer.from(bytes) });
      waiting.push(() => done());
    },
    cork: () => {},
    uncork: () => {},
    end: () => {},
  };
  const finish = (): void => {
    pending = 0;
    for (const done of waiting) done();
  };
  return { outbox: new Outbox(sink, () => {}), happened, finish };
}

/** `sealTo` seals, and answers the memory that was written. */
function startIndirect(isDoneWithMemory: boolean): { sealTo(bytes: Buffer): Uint8Array; finish(): void } {
  const written: Uint8Array[] = [];
  const waiting: (() => void)[] = [];
  const sink: ByteSink = {
    pending: 0,
    isDirect: false,
    isDoneWithMemory,
    writeNow: () => 0,
    write(bytes, done) {
      written.push(bytes);
      waiting.push(() => done());
    },
    cork: () => {},
    uncork: () => {},
    end: () => {},
  };
  const outbox = new Outbox(sink, () => {});
  return {
    sealTo(bytes) {
      outbox.seal(plain([]), ContentType.applicationData, bytes, () => {});
      const last = written.at(-1);
      if (!last) throw new Error('nothing was written');
      return last;
    },
    finish() {
      for (const done of waiting.splice(0)) done();
    },
  };
}

/** Seals nothing: what it is given is what leaves. */
function plain(happened: Happened[]): RecordSealer {
  return {
    sequenceNumber: 0n,
    sealedLength: (size) => size,
    seal(_type, fragment) {
      happened.push({ what: 'sealed', bytes: Buffer.from(fragment) });
      return fragment.slice();
    },
    sealInto(_type, fragment, output, offset) {
      happened.push({ what: 'sealed', bytes: Buffer.from(fragment) });
      output.set(fragment, offset);
      return fragment.length;
    },
    dispose: () => {},
  };
}

function wire(happened: readonly Happened[]): Buffer {
  return Buffer.concat(happened.flatMap(({ what, bytes }) => (what === 'sealed' ? [] : [bytes])));
}
