import fc from 'fast-check';
import { describe, test } from 'vitest';
import type { TLSPlaintext } from '../../src/protocol/content-type.ts';
import { ProtocolVersion } from '../../src/protocol/version.ts';
import { pattern } from '../helpers/pattern.ts';
import { unless } from '../helpers/unless.ts';
import type { OpenOptions, RecordLayerHarness } from './harness.ts';
import type { Session } from './session.ts';
import { withSession } from './session.ts';

/** What the reference sealed is read, in order, however the stream is cut. */
export function describeReading(harness: RecordLayerHarness, options: OpenOptions): void {
  const { capabilities } = harness;
  const isTls13 = options.version === ProtocolVersion.tls13;

  describe('reading', () => {
    test.each([1, 15, 16, 17, 1000, 16383, 16384])('one record of %i bytes, whole', async (length) => {
      await withSession(harness, options, (session) => receiveInPieces(session, [data(length)], [Infinity]));
    });

    test('byte by byte', async () => {
      await withSession(harness, options, (session) => receiveInPieces(session, [data(300), data(1), data(40)], [1]));
    });

    test('two records in a chunk', async () => {
      await withSession(harness, options, (session) => receiveInPieces(session, [data(10), data(20)], [Infinity]));
    });

    test('many records in a chunk', async () => {
      const records = Array.from({ length: 60 }, (_, i) => data(i * 17, i));
      await withSession(harness, options, (session) => receiveInPieces(session, records, [Infinity]));
    });

    test('a record with the beginning of the next behind it', async () => {
      await withSession(harness, options, async (session) => {
        const records = [data(1000), data(2000, 2)];
        const wire = session.sealAll(records);
        await session.layer.receive(wire.subarray(0, 1100));
        await session.expectRead([data(1000)]);
        await session.layer.receive(wire.subarray(1100));
        await session.expectRead([data(2000, 2)]);
      });
    });

    test('chunks that end within headers', async () => {
      const records = Array.from({ length: 10 }, (_, i) => data(50 + i));
      await withSession(harness, options, (session) => receiveInPieces(session, records, [3, 80, 2, 77]));
    });

    test('the largest records, in chunks of a socket', async () => {
      const records = Array.from({ length: 12 }, (_, i) => data(16384, i));
      await withSession(harness, options, (session) => receiveInPieces(session, records, [65_536, 1460]));
    });

    test('empty records are nothing', async () => {
      await withSession(harness, options, (session) => {
        return receiveInPieces(session, [data(0), data(5), data(0), data(0), data(6)], [Infinity]);
      });
    });

    unless(!isTls13 && 'TLS 1.3 alone has padding', test).each([1, 255, 16_383])(
      '%i bytes of padding are dropped',
      async (padding) => {
        await withSession(harness, options, async (session) => {
          await session.layer.receive(session.seal(23, pattern(1), { padding }));
          await session.layer.receive(session.seal(23, pattern(9)));
          await session.expectRead([data(1), data(9)]);
        });
      },
    );

    unless(!isTls13 && 'TLS 1.3 alone has padding', test)(
      'zeros at the end of the content are not padding',
      async () => {
        await withSession(harness, options, async (session) => {
          await session.layer.receive(session.seal(23, new Uint8Array(100), { padding: 3 }));
          await session.expectRead([{ type: 23, fragment: new Uint8Array(100) }]);
        });
      },
    );

    unless(!capabilities.controlRecords && 'the layer writes no control records of others', test)(
      'a control record stands between the data around it',
      async () => {
        const records = [data(10), alert, data(20), data(30), handshake(40), handshake(50), data(60)];
        await withSession(harness, options, (session) => receiveInPieces(session, records, [Infinity]));
      },
    );

    unless(!capabilities.arbitrarySequenceNumber && 'the layer counts its records itself', test).each([
      ['255 to 256', 254n],
      ['65535 to 65536', 65_534n],
      ['2^32 - 1 to 2^32', 2n ** 32n - 2n],
      ['2^63 - 1 to 2^63', 2n ** 63n - 2n],
    ])('the sequence number carries from %s', async (_, startAt) => {
      const records = Array.from({ length: 4 }, (_, i) => data(10 + i));
      await withSession(harness, { ...options, startAt }, (session) => receiveInPieces(session, records, [Infinity]));
    });

    test('the end between records', async () => {
      await withSession(harness, options, async (session) => {
        await session.layer.receive(session.seal(23, pattern(10)));
        await session.layer.receiveEnd();
        await session.expectRead([data(10)]);
        await session.expectOutcome({ kind: 'end', truncated: false });
      });
    });

    unless(!capabilities.seesTruncation && 'the layer does not see where a stream ends', test).each([1, 4, 5, 6, 30])(
      'the end after %i bytes of a record',
      async (cut) => {
        await withSession(harness, options, async (session) => {
          await session.layer.receive(session.seal(23, pattern(10)));
          await session.layer.receive(session.seal(23, pattern(10)).subarray(0, cut));
          await session.layer.receiveEnd();
          await session.expectRead([data(10)]);
          await session.expectOutcome({ kind: 'end', truncated: true });
        });
      },
    );

    test('any records, cut anywhere, come out the same', async () => {
      const record = fc.oneof(
        { weight: 4, arbitrary: fc.record({ type: fc.constant(23), length: fc.integer({ min: 0, max: 200 }) }) },
        {
          weight: 1,
          arbitrary: fc.record({ type: fc.constant(23), length: fc.integer({ min: 16_000, max: 16_384 }) }),
        },
        {
          weight: 1,
          arbitrary: fc.record({
            type: fc.constantFrom(...controlTypes(harness)),
            length: fc.integer({ min: 1, max: 99 }),
          }),
        },
      );
      const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 70_000 })), {
        minLength: 1,
      });
      const property = fc.asyncProperty(fc.array(record, { maxLength: 25 }), pieces, async (records, cuts) => {
        const plaintexts = records.map(({ type, length }, i) => ({ type, fragment: pattern(length, (i % 20) + 1) }));
        await withSession(harness, options, (session) => receiveInPieces(session, plaintexts, cuts));
      });
      await fc.assert(property, { numRuns: capabilities.propertyRuns ?? 50 });
    }, 60_000);
  });
}

/** Sends all records as one stream in pieces of `sizes`, over and over, and expects to read the same. */
async function receiveInPieces(
  session: Session,
  records: readonly TLSPlaintext[],
  sizes: readonly number[],
): Promise<void> {
  const wire = session.sealAll(records);
  const reading = session.expectRead(records);
  // Waited for below; until then a failure must not count as unhandled.
  reading.catch(() => {});
  for (let offset = 0, i = 0; offset < wire.length; i++) {
    const end = Math.min(wire.length, offset + (sizes[i % sizes.length] ?? Infinity));
    await session.layer.receive(wire.subarray(offset, end));
    offset = end;
  }
  await reading;
}

/** Its first byte is no KeyUpdate (24), at which the kernel would stop to be given new keys. */
function handshake(length: number): TLSPlaintext {
  return { type: 22, fragment: pattern(length, 4) };
}

function data(length: number, seed?: number): TLSPlaintext {
  return { type: 23, fragment: pattern(length, seed) };
}

function controlTypes({ capabilities }: RecordLayerHarness): [number, ...number[]] {
  return capabilities.controlRecords ? [21, 22] : [23];
}

/** A warning: user_canceled (RFC 8446 §6.1). */
const alert: TLSPlaintext = { type: 21, fragment: Uint8Array.of(1, 90) };
