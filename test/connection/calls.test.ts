import { expect, test } from 'vitest';
import { Calls } from '../../src/connection/calls.ts';
import { EventQueue } from '../../src/connection/event-queue.ts';
import type { ConnectionEvent } from '../../src/connection/events.ts';
import { ExpectedAnswers } from '../../src/connection/expected-answers.ts';
import type { Farewell } from '../../src/connection/farewell.ts';
import { InstanceLost } from '../../src/connection/instance-lost.ts';
import type { WriteSide } from '../../src/connection/write-side.ts';

const data = (text: string): ConnectionEvent => ({ kind: 'applicationData', bytes: Buffer.from(text) });
const textOf = (event: ConnectionEvent): string =>
  event.kind === 'applicationData' ? Buffer.from(event.bytes).toString() : event.kind;

function start() {
  const log: string[] = [];
  const events = new EventQueue((event) => void log.push(`told ${textOf(event)}`));
  const write = { cork: () => log.push('cork'), uncork: () => log.push('uncork') };
  const farewell = {
    hasEnded: false,
    fail: ({ by }: { readonly by: string }): void => {
      log.push(`failed by ${by}`);
      farewell.hasEnded = true;
    },
  };
  const expected = new ExpectedAnswers();
  const calls = new Calls(events, write as unknown as WriteSide, farewell as unknown as Farewell, expected);
  return { calls, events, expected, farewell, log };
}

test('what a call finds is collected, and what it sends leaves together', () => {
  const { calls, events, log } = start();
  const found = calls.collect((text) => {
    events.emit(data(`${text} 1`));
    events.emit(data(`${text} 2`));
  }, 'given');
  expect(found.map(textOf)).toEqual(['given 1', 'given 2']);
  events.emit(data('later'));
  expect(log).toEqual(['cork', 'uncork', 'told later']);
});

test('what calls find that do not receive is told behind them, in order, and within another call is part of that', () => {
  const { calls, events, log } = start();
  const find = (text: string): void => events.emit(data(text));
  calls.submit(
    () => {},
    () => {
      find('outer');
      calls.submit(() => {}, find, 'inner');
      calls.defer(() => find('deferred'));
      log.push('end');
    },
    undefined,
  );
  expect(log).toEqual(['cork', 'end', 'uncork', 'told outer', 'told inner', 'told deferred']);
});

test('a call that throws leaves nothing corked or collected', () => {
  const { calls, events, log } = start();
  const thrown = (): never => {
    throw new TypeError('refused');
  };
  expect(() => calls.collect(thrown, undefined)).toThrow('refused');
  expect(() => calls.defer(thrown)).toThrow('refused');
  events.emit(data('later'));
  expect(log).toEqual(['cork', 'uncork', 'cork', 'uncork', 'told later']);
});

test.each(['alone', 'within another call'])('a call of an OpenSSL that is lost fails the connection: %s', (where) => {
  const { calls, log } = start();
  const lost = (): never => {
    throw new InstanceLost('trapped');
  };
  const call = (): void => calls.submit(() => {}, lost, undefined);
  if (where === 'alone') call();
  else
    calls.defer(() => {
      call();
      log.push('goes on');
    });
  const behind = where === 'alone' ? [] : ['goes on'];
  expect(log).toEqual(['cork', 'failed by system', ...behind, 'uncork']);
});

test('when nothing can be sent or received any more, nothing runs, and who sends is told', () => {
  const { calls, farewell, log } = start();
  farewell.hasEnded = true;
  const run = (): void => void log.push('run');
  expect(calls.collect(run, undefined)).toEqual([]);
  calls.defer(run);
  const refused: unknown[] = [];
  calls.submit((error) => void refused.push(error), run, undefined);
  farewell.hasEnded = false;
  calls.collect(() => {
    farewell.hasEnded = true;
    calls.defer(run);
  }, undefined);
  expect(log).toEqual(['cork', 'uncork']);
  expect(refused).toMatchObject([{ code: 'ERR_STREAM_DESTROYED' }]);
});

test('all waits behind what waits for an answer, and is refused where there will be none', () => {
  const waiting = () => {
    const all = start();
    all.expected.carryOut([{ kind: 'later' }], () => {});
    all.expected.behind(() => void all.log.push('first'));
    all.calls.submit(
      ({ message }) => void all.log.push(message),
      (text) => void all.log.push(text),
      'second',
    );
    all.calls.defer(() => void all.log.push('third'));
    all.log.length = 0;
    return all;
  };
  const answered = waiting();
  answered.expected.give([]);
  expect(answered.log).toEqual(['first', 'second', 'third']);
  const left = waiting();
  left.expected.leave();
  expect(left.log).toEqual(['Cannot call write after a stream was destroyed']);
});
