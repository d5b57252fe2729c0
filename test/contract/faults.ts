import { describe, expect, test } from 'vitest';
import type { AlertDescription } from '../../src/protocol/alert.ts';
import { Alert } from '../../src/protocol/alert.ts';
import { ProtocolVersion } from '../../src/protocol/version.ts';
import { pattern } from '../helpers/pattern.ts';
import { headerOf, isExplicit } from '../helpers/reference-protection.ts';
import { unless } from '../helpers/unless.ts';
import type { FaultName, OpenOptions, RecordLayerHarness } from './harness.ts';
import type { Session } from './session.ts';
import { withSession } from './session.ts';

/** What a peer must not send is refused with the right alert, and what came before it is read all the same. */
export function describeFaults(harness: RecordLayerHarness, options: OpenOptions): void {
  const { capabilities } = harness;
  const isTls13 = options.version === ProtocolVersion.tls13;

  describe('faults', () => {
    for (const fault of faults) {
      const expected = capabilities.faults?.[fault.name] ?? fault.alert(options);
      unless((expected === undefined || expected === 'accepted') && 'the layer leaves this to another to refuse', test)(
        fault.name,
        async () => {
          await withSession(harness, options, async (session) => {
            if (expected === undefined || expected === 'accepted') return;
            const good = session.seal(23, pattern(10));
            await session.layer.receive(Buffer.concat([good, fault.wire(session)]));
            await session.expectRead([{ type: 23, fragment: pattern(10) }]);
            await session.expectOutcome({ kind: 'fault', alert: expected });
          });
        },
      );
    }

    test('a fault in the first record', async () => {
      await withSession(harness, options, async (session) => {
        await session.layer.receive(flipLastBit(session.seal(23, pattern(10))));
        await session.expectOutcome({ kind: 'fault', alert: Alert.badRecordMac });
      });
    });

    test('32 empty records in a row are none yet', async () => {
      await withSession(harness, options, async (session) => {
        await session.layer.receive(emptyRecords(session, 32));
        await session.layer.receive(session.seal(23, pattern(1)));
        await session.layer.receive(emptyRecords(session, 32));
        await session.layer.receive(session.seal(23, pattern(2)));
        await session.expectRead([{ type: 23, fragment: Buffer.concat([pattern(1), pattern(2)]) }]);
      });
    });

    unless(!capabilities.controlRecords && 'the layer writes no control records of others', test)(
      'a record of an unknown type is refused or handed over',
      async () => {
        await withSession(harness, options, async (session) => {
          await session.layer.receive(session.seal(99, pattern(3)));
          const outcome = await session.next();
          expect([
            { kind: 'control', type: 99, fragment: pattern(3) },
            { kind: 'fault', alert: Alert.unexpectedMessage },
          ]).toContainEqual(outcome);
        });
      },
    );

    unless(
      isTls13 ? 'TLS 1.3 has none' : !capabilities.controlRecords && 'the layer writes no control records of others',
      test,
    )('an empty control record is handed over', async () => {
      await withSession(harness, options, async (session) => {
        await session.layer.receive(session.seal(22, new Uint8Array()));
        await session.expectOutcome({ kind: 'control', type: 22, fragment: new Uint8Array() });
      });
    });
  });
}

interface Fault {
  readonly name: FaultName;
  /** The alert to expect; undefined where there is no such fault. */
  readonly alert: (options: OpenOptions) => AlertDescription | undefined;
  /** All that the wire carries from the fault on. */
  readonly wire: (session: Session) => Uint8Array;
}

const always = (alert: AlertDescription) => () => alert;
const onlyTls13 =
  (alert: AlertDescription) =>
  ({ version }: OpenOptions) =>
    version === ProtocolVersion.tls13 ? alert : undefined;

const faults: readonly Fault[] = [
  {
    name: 'wrong tag',
    alert: always(Alert.badRecordMac),
    wire: (session) => flipLastBit(session.seal(23, pattern(100))),
  },
  {
    name: 'wrong ciphertext',
    alert: always(Alert.badRecordMac),
    wire: (session) => flipBit(session.seal(23, pattern(100)), 60),
  },
  {
    name: 'replay',
    alert: always(Alert.badRecordMac),
    // The record before the fault was number 0: this is number 1, twice, behind that.
    wire: (session) => {
      const record = session.seal(23, new Uint8Array());
      return Buffer.concat([record, record]);
    },
  },
  {
    name: 'reordering',
    alert: always(Alert.badRecordMac),
    wire: (session) => {
      const [first, second] = [session.seal(23, pattern(20)), session.seal(23, pattern(30))];
      return Buffer.concat([second, first]);
    },
  },
  {
    name: 'too short for a tag',
    alert: always(Alert.badRecordMac),
    wire: ({ layer }) => {
      const { version } = layer.keys.read;
      const length = version === ProtocolVersion.tls13 ? 16 : isExplicit(layer.keys.read) ? 23 : 15;
      return Buffer.concat([headerOf(23, 0x0303, length), pattern(length)]);
    },
  },
  {
    name: 'too short for a type',
    alert: onlyTls13(Alert.badRecordMac),
    // A tag that fits, over no plaintext at all: RFC 8446 §5.2 has at least a type there.
    wire: (session) => session.seal(23, pattern(1), { inner: new Uint8Array() }),
  },
  {
    name: 'length field too large',
    alert: always(Alert.recordOverflow),
    // Only the header: nobody may wait for the rest (RFC 8446 §5.2: 2^14 + 256; RFC 5246 §6.2.3: 2^14 + 2048).
    wire: ({ layer }) => {
      const most = layer.keys.read.version === ProtocolVersion.tls13 ? 16384 + 256 : 16384 + 2048;
      return headerOf(23, 0x0303, most + 1);
    },
  },
  {
    name: 'plaintext too long',
    alert: always(Alert.recordOverflow),
    wire: (session) => session.seal(23, pattern(16385)),
  },
  {
    name: 'padding too long',
    alert: onlyTls13(Alert.recordOverflow),
    // RFC 8446 §5.4: with padding and type, at most 2^14 + 1.
    wire: (session) => session.seal(23, pattern(100), { padding: 16385 - 100 }),
  },
  {
    name: 'wrong version',
    alert: always(Alert.decodeError),
    wire: (session) => session.seal(23, pattern(10), { outerVersion: 0x0302 }),
  },
  {
    name: 'wrong outer type',
    alert: onlyTls13(Alert.unexpectedMessage),
    wire: (session) => session.seal(22, pattern(10), { outerType: 22 }),
  },
  {
    name: 'plaintext change_cipher_spec',
    alert: plaintextAlert,
    wire: () => Uint8Array.of(20, 3, 3, 0, 1, 1),
  },
  {
    name: 'plaintext alert',
    alert: plaintextAlert,
    wire: () => Uint8Array.of(21, 3, 3, 0, 2, 2, 40),
  },
  {
    name: 'nothing but padding',
    alert: onlyTls13(Alert.unexpectedMessage),
    wire: (session) => session.seal(23, pattern(1), { inner: new Uint8Array(50) }),
  },
  {
    name: 'empty handshake record',
    alert: onlyTls13(Alert.unexpectedMessage),
    wire: (session) => session.seal(22, new Uint8Array()),
  },
  {
    name: 'empty alert',
    alert: onlyTls13(Alert.unexpectedMessage),
    wire: (session) => session.seal(21, new Uint8Array(), { padding: 7 }),
  },
  {
    name: 'flood of empty records',
    alert: always(Alert.unexpectedMessage),
    wire: (session) => emptyRecords(session, 33),
  },
  {
    name: 'HTTP',
    alert: always(Alert.unexpectedMessage),
    wire: () => Buffer.from('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n'),
  },
];

/** In TLS 1.2 such a record is merely too short for a tag; in TLS 1.3 its type says that it is no ciphertext. */
function plaintextAlert({ version }: OpenOptions): AlertDescription {
  return version === ProtocolVersion.tls13 ? Alert.unexpectedMessage : Alert.badRecordMac;
}

function emptyRecords(session: Session, count: number): Uint8Array {
  return Buffer.concat(Array.from({ length: count }, () => session.seal(23, new Uint8Array())));
}

function flipLastBit(record: Uint8Array): Uint8Array {
  return flipBit(record, record.length - 1);
}

function flipBit(record: Uint8Array, index: number): Uint8Array {
  return record.with(index, (record[index] ?? 0) ^ 1);
}
