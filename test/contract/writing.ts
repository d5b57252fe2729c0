import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TLSPlaintext } from '../../src/protocol/content-type.ts';
import { pattern } from '../helpers/pattern.ts';
import { countedExplicitNonce, isExplicit, referenceSeal, splitRecords } from '../helpers/reference-protection.ts';
import { unless } from '../helpers/unless.ts';
import type { OpenOptions, RecordLayerHarness } from './harness.ts';
import { wireLength } from './harness.ts';
import type { Session } from './session.ts';
import { expectSameBytes, withSession } from './session.ts';

/** What is written can be opened by the reference, in order, in records as full as can be. */
export function describeWriting(harness: RecordLayerHarness, options: OpenOptions): void {
  const { capabilities } = harness;
  const empty = capabilities.emptyData ? [0] : [];

  describe('writing', () => {
    test.each([...empty, 1, 15, 16, 17, 1000, 16383, 16384])('%i bytes make one record', async (length) => {
      await withSession(harness, options, async (session) => {
        const fragment = pattern(length);
        expect(await writeAndOpen(session, 23, fragment)).toEqual([{ type: 23, fragment }]);
      });
    });

    test.each([16385, 2 * 16384, 3 * 16384 + 5])('%i bytes make full records and a rest', async (length) => {
      await withSession(harness, options, async (session) => {
        const bytes = pattern(length);
        const records = await writeAndOpen(session, 23, bytes);
        const lengths = records.map(({ fragment }) => fragment.length);
        expect(lengths).toEqual(Array.from({ length: Math.ceil(length / 16384) }, (_, i) => fullOrRest(length, i)));
        expectSameBytes(Buffer.concat(records.map(({ fragment }) => fragment)), bytes);
      });
    });

    test('leaves what it was given as it was', async () => {
      await withSession(harness, options, async (session) => {
        const fragment = pattern(20_000);
        await session.layer.write(23, fragment);
        expectSameBytes(fragment, pattern(20_000));
      });
    });

    unless(!capabilities.controlRecords && 'the layer writes no control records of others', test)(
      'control records go out between data, in order',
      async () => {
        await withSession(harness, options, async (session) => {
          for (const { type, fragment } of mixedRecords) {
            expect(await writeAndOpen(session, type, fragment)).toEqual([{ type, fragment }]);
          }
        });
      },
    );

    const isForeseeable = capabilities.countedExplicitNonce || !isExplicit(options);
    unless(!isForeseeable && 'the layer chooses its nonces', test)(
      'the wire bytes are those that the keys call for',
      async () => {
        await withSession(harness, options, async (session) => {
          for (const length of [5, 100, 16384]) {
            const wire = await session.layer.write(23, pattern(length));
            const keys = session.layer.keys.write;
            const explicitNonce = countedExplicitNonce(keys, session.written);
            expectSameBytes(wire, referenceSeal(keys, session.written, 23, pattern(length), { explicitNonce }));
            session.openWritten(wire);
          }
        });
      },
    );

    unless(!isExplicit(options) && 'the nonce is implicit', test)('no explicit nonce comes twice', async () => {
      await withSession(harness, options, async (session) => {
        const wire = await session.layer.write(23, pattern(10 * 16384));
        const nonces = splitRecords(wire).map((record) => Buffer.from(record.subarray(5, 13)).toString('hex'));
        expect(new Set(nonces).size).toBe(10);
      });
    });

    unless(!capabilities.arbitrarySequenceNumber && 'the layer counts its records itself', test).each([
      ['255 to 256', 254n],
      ['65535 to 65536', 65_534n],
      ['2^32 - 1 to 2^32', 2n ** 32n - 2n],
      ['2^63 - 1 to 2^63', 2n ** 63n - 2n],
    ])('the sequence number carries from %s', async (_, startAt) => {
      await withSession(harness, { ...options, startAt }, async (session) => {
        for (let i = 0; i < 4; i++) {
          const fragment = pattern(10, i);
          expect(await writeAndOpen(session, 23, fragment)).toEqual([{ type: 23, fragment }]);
        }
      });
    });

    test('any writes come out as the same bytes', async () => {
      const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 16_300, max: 33_000 })), {
        maxLength: 8,
      });
      const property = fc.asyncProperty(lengths, async (writes) => {
        await withSession(harness, options, async (session) => {
          for (const [i, length] of writes.entries()) {
            const records = await writeAndOpen(session, 23, pattern(length, i));
            expectSameBytes(Buffer.concat(records.map(({ fragment }) => fragment)), pattern(length, i));
          }
        });
      });
      await fc.assert(property, { numRuns: capabilities.propertyRuns ?? 50 });
    }, 60_000);
  });
}

/** Data around control records: a warning alert (RFC 8446 §6.1: user_canceled) and a handshake message. */
const mixedRecords: readonly TLSPlaintext[] = [
  { type: 23, fragment: pattern(100) },
  { type: 21, fragment: Uint8Array.of(1, 90) },
  { type: 23, fragment: pattern(200) },
  { type: 22, fragment: pattern(300, 4) },
  { type: 22, fragment: pattern(1, 4) },
  { type: 23, fragment: pattern(1) },
];

async function writeAndOpen(session: Session, type: number, fragment: Uint8Array): Promise<TLSPlaintext[]> {
  const wire = await session.layer.write(type, fragment);
  expect(wire.length).toBe(wireLength(session.layer.keys.write, fragment.length));
  return session.openWritten(wire);
}

function fullOrRest(length: number, index: number): number {
  return Math.min(16384, length - index * 16384);
}
