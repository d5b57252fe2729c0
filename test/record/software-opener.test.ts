import { describe, expect, test } from 'vitest';
import { NodeAead } from '../../src/platform/records/node-aead.ts';
import { Alert } from '../../src/protocol/alert.ts';
import { ProtocolVersion } from '../../src/protocol/version.ts';
import { wipeTrafficKeys } from '../../src/record/crypto-info.ts';
import type { OpenedRecords } from '../../src/record/protection.ts';
import { SoftwareOpener } from '../../src/record/software-opener.ts';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';
import { randomTrafficKeys } from '../contract/harness.ts';
import { pattern } from '../helpers/pattern.ts';
import { referenceSeal } from '../helpers/reference-protection.ts';
import { allSuites } from './suites.ts';

/** The contract (test/contract) covers what is opened and refused; this is about the object itself. */
describe.each(allSuites)('%s %s', (_, aead, version) => {
  const keys = randomTrafficKeys({ version, aead });

  test('opens nothing of a partial record, and says so', () => {
    const record = seal(keys, 0n, 23, 100);
    const opener = createOpener(keys);
    for (const end of [0, 1, 5, 6, record.length - 1]) {
      expect(opener.open(record.subarray(0, end))).toEqual(nothing);
    }
    expect(opener.sequenceNumber).toBe(0n);
    expect(opener.open(record).consumed).toBe(record.length);
    expect(opener.sequenceNumber).toBe(1n);
  });

  test('stops behind each record that has something in it', () => {
    const lengths = [100, 0, 50, 5, 9];
    const wire = lengths.map((length, i) => seal(keys, BigInt(i), length === 5 ? 22 : 23, length));
    const input = Buffer.concat(wire).subarray(0, -1);
    const opener = createOpener(keys);
    let at = 0;
    const next = () => {
      const opened = opener.open(input.subarray(at));
      at += opened.consumed;
      return opened;
    };
    expect(plain(next().applicationData)).toEqual(pattern(100));
    expect(plain(next().applicationData)).toEqual(pattern(50));
    const { applicationData, control } = next();
    expect(applicationData).toBeUndefined();
    expect(control?.type).toBe(22);
    expect(plain(control?.fragment)).toEqual(pattern(5));
    expect(next()).toEqual(nothing);
    expect(at).toBe(Buffer.concat(wire.slice(0, 4)).length);
    expect(opener.sequenceNumber).toBe(4n);
  });

  test('empty records are consumed, and told of without data', () => {
    const record = seal(keys, 0n, 23, 0);
    expect(createOpener(keys).open(record)).toEqual({
      ...nothing,
      consumed: record.length,
      applicationData: expect.objectContaining({ length: 0 }),
    });
  });

  test('a fault comes behind the data in front of it, and for good', () => {
    const [first, second, third] = [seal(keys, 0n, 23, 100), seal(keys, 1n, 23, 10), seal(keys, 1n, 23, 10)];
    second[second.length - 1] = (second.at(-1) ?? 0) ^ 1;
    const opener = createOpener(keys);
    const fault = { alert: Alert.badRecordMac, reason: expect.any(String) };
    const opened = opener.open(Buffer.concat([first, second, third]));
    expect(plain(opened.applicationData)).toEqual(pattern(100));
    expect(opened.consumed).toBe(first.length);
    expect(opener.open(Buffer.concat([second, third]))).toEqual({ ...nothing, fault });
    expect(opener.open(third)).toEqual({ ...nothing, fault });
    expect(opener.sequenceNumber).toBe(1n);
  });

  test('the last sequence number can be used, and none after it', () => {
    const last = 2n ** 64n - 1n;
    const opener = createOpener({ ...keys, sequenceNumber: last });
    expect(opener.open(seal(keys, last, 23, 10)).fault).toBeUndefined();
    expect(opener.open(seal(keys, 0n, 23, 10)).fault?.alert).toBe(Alert.internalError);
  });

  test('empty records in a row are counted across calls, and a control record ends the row', () => {
    const opener = createOpener(keys);
    let next = 0n;
    const open = (type: number, length: number) => opener.open(seal(keys, next++, type, length)).fault;
    for (let i = 0; i < 32; i++) expect(open(23, 0)).toBeUndefined();
    expect(open(22, 1)).toBeUndefined();
    for (let i = 0; i < 32; i++) expect(open(23, 0)).toBeUndefined();
    expect(open(23, 0)?.alert).toBe(Alert.unexpectedMessage);
  });

  test.each([20, 21, 22, 24, 99])('a record of type %i is handed over as it is', (type) => {
    const { control, fault } = createOpener(keys).open(seal(keys, 0n, type, 3));
    expect({ fault, type: control?.type, fragment: plain(control?.fragment) }).toEqual({ type, fragment: pattern(3) });
  });

  test('what the header allows is waited for, what it does not is refused at once', () => {
    const most = version === ProtocolVersion.tls13 ? 16384 + 256 : 16384 + 2048;
    const header = (length: number) => Uint8Array.of(23, 3, 3, length >> 8, length & 255);
    expect(createOpener(keys).open(header(most))).toEqual(nothing);
    expect(createOpener(keys).open(header(most + 1)).fault?.alert).toBe(Alert.recordOverflow);
    const garbage = Buffer.concat([header(most), pattern(most)]);
    expect(createOpener(keys).open(garbage).fault?.alert).toBe(Alert.badRecordMac);
  });

  test('leaves its input as it was, and keeps none of it', () => {
    const record = seal(keys, 0n, 23, 1000);
    const input = record.slice();
    const { applicationData } = createOpener(keys).open(input);
    expect(input).toEqual(record);
    input.fill(0);
    expect(plain(applicationData)).toEqual(pattern(1000));
  });

  test('the keys it was made from can be wiped at once, and are left alone', () => {
    const own = { ...keys, key: keys.key.slice(), iv: keys.iv.slice() };
    const opener = createOpener(own);
    opener.dispose();
    expect(own).toEqual(keys);
    const other = createOpener(own);
    wipeTrafficKeys(own);
    expect(other.open(seal(keys, 0n, 23, 5)).fault).toBeUndefined();
  });

  test('is of no use once disposed of', () => {
    const opener = createOpener(keys);
    opener.dispose();
    expect(() => opener.open(seal(keys, 0n, 23, 5))).toThrow('disposed');
  });
});

const nothing: OpenedRecords = { consumed: 0, applicationData: undefined, control: undefined, fault: undefined };

function createOpener(keys: TrafficKeys): SoftwareOpener {
  return new SoftwareOpener(keys, new NodeAead(keys.aead, keys.key));
}

function seal(keys: TrafficKeys, sequenceNumber: bigint, type: number, length: number): Uint8Array {
  return referenceSeal(keys, sequenceNumber, type, pattern(length));
}

/** node:crypto answers with Buffers, which equal no Uint8Array. */
function plain(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes && new Uint8Array(bytes);
}
