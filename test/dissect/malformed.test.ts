import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { captureCryptography } from '../../src/decrypt/capture-cryptography.ts';
import { CaptureDecryption } from '../../src/dissect/capture-decryption.ts';
import type { DecryptionEvent } from '../../src/dissect/conversation.ts';
import { openWith } from '../../src/dissect/epochs/direction-keys.ts';
import type { EpochOpener } from '../../src/dissect/epochs/epoch-opener.ts';
import { RecordStream } from '../../src/dissect/record-stream.ts';
import { KeyLog } from '../../src/dissect/secrets/key-log.ts';
import { MemoryBudget } from '../../src/pcap/memory-budget.ts';
import { type CaptureName, capture, captureOf, eventsOf, segmentsOf } from './captures.ts';

const names: readonly CaptureName[] = [
  'tls12-gcm',
  'tls12-cbc',
  'tls12-cbc-encrypt-then-mac',
  'tls13-key-update',
  'tls13-retry',
  'tls13-early-data',
  'tls12-renegotiation',
  'tls13-ccm',
  'tls11',
];

describe.each(names)('%s, damaged', (name) => {
  const { bytes, keyLog } = capture(name);
  const segments = segmentsOf(bytes);
  const damage = fc.array(
    fc.record({ at: fc.nat(), remove: fc.nat({ max: 40 }), insert: fc.uint8Array({ maxLength: 20 }) }),
    { minLength: 1, maxLength: 8 },
  );

  test('anywhere in the file', () =>
    fc.assert(fc.asyncProperty(damage, (edits) => survives(edited(bytes, edits), keyLog))));

  test('in what the ends said', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(), damage), { maxLength: 6 }), (changes) => {
        const changed = [...segments];
        for (const [index, edits] of changes) {
          const segment = changed[index % changed.length];
          if (segment === undefined) continue;
          const payload = edited(segment.payload, edits);
          changed[index % changed.length] = { ...segment, payload, payloadLength: payload.length };
        }
        return survives(captureOf(changed), keyLog);
      }),
    ));

  test('by segments that are missing, doubled, or in another order', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: segments.length - 1 }), { maxLength: 2 * segments.length }), (order) =>
        survives(captureOf(order.flatMap((at) => segments[at] ?? [])), keyLog),
      ),
    ));
});

test('any key log', () =>
  fc.assert(
    fc.property(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...'ABCDEF_0189 \n#'), maxLength: 400 }),
      (one, other) => {
        const log = new KeyLog();
        log.add(one);
        log.add(other);
        expect(log.size).toBeLessThanOrEqual(1 + other.length / 64);
      },
    ),
  ));

test('a connection without end that never says hello keeps little', () => {
  const decryption = new CaptureDecryption(captureCryptography, {
    keyLog: new KeyLog(),
    exported: new Map(),
    privateKeys: [],
  });
  const { bytes } = capture('tls13-key-update');
  const [syn, hello] = segmentsOf(bytes).filter(
    ({ source, payload, syn: isSyn }) => source.port !== 45672 && (isSyn || payload.length > 0),
  );
  if (syn === undefined || hello === undefined) throw new Error('the capture has no hello');
  let sequenceNumber = hello.sequenceNumber + hello.payload.length;
  const record = Buffer.concat([Buffer.of(23, 3, 3, 0x40, 0), Buffer.alloc(0x4000)]);
  let kept = 0;
  const count = (events: Iterable<DecryptionEvent>): void => {
    for (const event of events) if (event.kind === 'record') kept -= event.record.length;
  };
  count(decryption.push(captureOf([syn, hello])));
  for (let at = 0; at < 500; at++) {
    kept += 0x4000;
    const segment = { ...hello, sequenceNumber: sequenceNumber >>> 0, payload: record, payloadLength: record.length };
    count(decryption.push(captureOf([segment]).subarray(captureOf([]).length)));
    sequenceNumber += record.length;
    expect(kept).toBeLessThan(2 * 2 ** 20);
  }
});

test('a piece behind a start that is too short to tell may be of any length', () => {
  const stream = new RecordStream();
  const rest = Buffer.concat([Buffer.of(3, 1, 0, 5, 1), Buffer.alloc(1_000_000)]);
  expect(stream.push({ bytes: Uint8Array.of(22), time: 0n })).toEqual([]);
  expect(stream.push({ bytes: rest, time: 0n })[0]).toMatchObject({ kind: 'record' });
});

test('numbers of records behind missing ones are guessed so often by all connections together, and the next one always', () => {
  let tried = 0;
  const keys: EpochOpener = {
    sequenceNumber: 7n,
    open: () => {
      tried++;
      return undefined;
    },
    dispose: () => {},
  };
  const guesses = new MemoryBudget(100);
  const search = (): number => {
    tried = 0;
    openWith(keys, 0, new Uint8Array(), { lost: 80, guesses });
    return tried;
  };
  expect([search(), search(), search()]).toEqual([81, 21, 1]);
  expect(keys.sequenceNumber).toBe(7n);
});

/** Nothing is thrown, and what comes out is no more than what went in. */
async function survives(bytes: Uint8Array, keyLog: string): Promise<void> {
  const events = await eventsOf(bytes, { keyLog });
  let length = 0;
  for (const event of events) if (event.kind === 'record') length += event.record.plaintext?.length ?? 0;
  expect(length).toBeLessThanOrEqual(bytes.length);
  const begun = events.filter(({ kind }) => kind === 'conversation').length;
  expect(events.filter(({ kind }) => kind === 'end')).toHaveLength(begun);
}

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: Uint8Array;
}

function edited(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  let result = Buffer.from(bytes);
  for (const { at, remove, insert } of edits) {
    const start = at % (result.length + 1);
    result = Buffer.concat([result.subarray(0, start), insert, result.subarray(start + remove)]);
  }
  return result;
}
