import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Item } from '../../src/connection/outgoing.ts';
import { Barrier, WriteQueue } from '../../src/connection/write-queue.ts';

const item = (name: string): Item => ({ kind: 'ciphertext', bytes: Buffer.from(name), done: () => {} });
const nameOf = (one: Item): string => (one.kind === 'ciphertext' ? Buffer.from(one.bytes).toString() : one.kind);

/** A queue, and what has left it; `blocks` makes the next item wait. */
function start() {
  const left: string[] = [];
  const told = { blocks: false, flushed: 0, errors: [] as Error[] };
  const queue: WriteQueue = new WriteQueue(
    (one) => {
      if (told.blocks) queue.raise(Barrier.draining);
      else left.push(nameOf(one));
      return !told.blocks;
    },
    () => void told.flushed++,
    (error) => void told.errors.push(error),
  );
  return { queue, left, told };
}

test.each([true, false])('what leaves when all is given up is told once, by its own: it is sent: %s', (isSent) => {
  const told: string[] = [];
  const queue: WriteQueue = new WriteQueue(
    (one) => {
      for (const given of queue.leave()) told.push(`given up ${nameOf(given)}`);
      if (isSent && one.kind === 'ciphertext') one.done();
      return isSent;
    },
    () => {},
    () => {},
  );
  const tells = (name: string): Item => ({
    kind: 'ciphertext',
    bytes: Buffer.from(name),
    done: (error) => told.push(`${name}: ${error ? Reflect.get(error, 'code') : 'sent'}`),
  });
  queue.raise(Barrier.corked);
  queue.push(tells('first'));
  queue.push(tells('second'));
  queue.lower(Barrier.corked);
  expect(told).toEqual(['given up second', isSent ? 'first: sent' : 'first: ERR_STREAM_DESTROYED']);
});

const barriers = [Barrier.corked, Barrier.held, Barrier.draining] as const;

test('any order of barriers: what was pushed leaves in its order, whenever none stands', () => {
  const step = fc.oneof(
    fc.constant({ do: 'push' as const }),
    fc.record({ do: fc.constantFrom('raise' as const, 'lower' as const), barrier: fc.constantFrom(...barriers) }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { queue, left } = start();
      const standing = new Set<number>();
      const pushed: string[] = [];
      for (const one of steps) {
        if (one.do === 'push') {
          pushed.push(`${pushed.length}`);
          queue.push(item(`${pushed.length - 1}`));
        } else if (one.do === 'raise') {
          standing.add(one.barrier);
          queue.raise(one.barrier);
        } else {
          standing.delete(one.barrier);
          queue.lower(one.barrier);
        }
        expect(left).toEqual(pushed.slice(0, left.length));
        if (standing.size === 0) expect(left).toEqual(pushed);
        expect(queue.items.map(nameOf)).toEqual(pushed.slice(left.length));
      }
    }),
  );
});

test('an item that cannot leave is tried again, before all behind it', () => {
  const { queue, left, told } = start();
  told.blocks = true;
  queue.push(item('a'));
  queue.push(item('b'));
  expect([left, queue.items.length]).toEqual([[], 2]);
  told.blocks = false;
  queue.lower(Barrier.draining);
  expect(left).toEqual(['a', 'b']);
});

test('what is pushed while an item leaves, leaves behind it', () => {
  const left: string[] = [];
  const queue: WriteQueue = new WriteQueue(
    (one) => {
      if (nameOf(one) === 'a') queue.push(item('b'));
      left.push(nameOf(one));
      return true;
    },
    () => {},
    () => {},
  );
  queue.push(item('a'));
  expect(left).toEqual(['a', 'b']);
});

test('what is written before a barrier goes down leaves behind what it held', () => {
  const { queue, left } = start();
  queue.raise(Barrier.held);
  queue.push(item('flight'));
  queue.lower(Barrier.held, () => queue.push(item('data')));
  expect(left).toEqual(['flight', 'data']);
});

test('what fails is told once, and nothing leaves once the queue is gone', () => {
  const errors: Error[] = [];
  const queue: WriteQueue = new WriteQueue(
    () => {
      throw new Error('broken');
    },
    () => {},
    (error) => {
      errors.push(error);
      queue.leave();
    },
  );
  queue.push(item('a'));
  expect(errors.map(({ message }) => message)).toEqual(['broken']);
  expect([queue.isGone, queue.items]).toEqual([true, []]);
});
