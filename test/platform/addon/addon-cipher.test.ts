import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadAddon } from '../../../src/platform/addon/addon.ts';
import { OpenFault, OpenState, OpenStop, type RecordCipher } from '../../../src/platform/addon/addon-cryptography.ts';
import type { ProtocolVersionNumber } from '../../../src/protocol/version.ts';
import type { AeadName, TrafficKeys } from '../../../src/record/traffic-keys.ts';
import {
  countedExplicitNonce,
  isExplicit,
  referenceOpen,
  referenceSeal,
  splitRecords,
} from '../../helpers/reference-protection.ts';

// What the record layer contract cannot see through RecordSealer and RecordOpener: where bytes go, and what is left.

const versions: readonly ProtocolVersionNumber[] = [0x0303, 0x0304];
const aeads: readonly AeadName[] = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'];
const suites = versions.flatMap((version) => aeads.map((aead) => ({ version, aead })));
const sizes = [0, 1, 16384, 16385, 100_000];
// Numbers whose successor differs in more than the last byte.
const carries = [0xffn, 0xffff_fffen, 0xffff_ffffn, 2n ** 48n - 1n, 2n ** 63n - 1n];

describe.each(suites)('RecordCipher with $aead in version $version', ({ version, aead }) => {
  const overhead = 5 + 16 + (isExplicit({ version, aead }) ? 8 : 0) + (version === 0x0304 ? 1 : 0);

  test.each(sizes)('seals %i bytes as node:crypto would', (size) => {
    const keys = someKeys();
    const fragment = randomBytes(size);
    const wire = seal(create(keys, 'seal'), 23, fragment);
    expect(Buffer.compare(wire, sealByReference(keys, 23, fragment, 16384))).toBe(0);
  });

  test.each(sizes)('opens %i bytes that node:crypto sealed', (size) => {
    const keys = someKeys();
    const fragment = randomBytes(size);
    const wire = sealByReference(keys, 23, fragment, 16384);
    const { stop, state, out } = open(create(keys, 'open'), wire);
    expect({ stop, ...state }).toMatchObject({ stop: OpenStop.partial, consumed: wire.length, dataLength: size });
    expect(Buffer.compare(out.subarray(0, size), fragment)).toBe(0);
  });

  test.each([1, 100, 16383])('seals records of at most %i bytes', (maxFragment) => {
    const keys = someKeys();
    const fragment = randomBytes(3 * maxFragment - (maxFragment > 1 ? 1 : 0));
    const cipher = create(keys, 'seal');
    const out = Buffer.alloc(fragment.length + 3 * overhead);
    expect(cipher.seal(22, fragment, out, 0, maxFragment)).toBe(out.length);
    expect(Buffer.compare(out, sealByReference(keys, 22, fragment, maxFragment))).toBe(0);
    expect(cipher.sequenceNumber).toBe(keys.sequenceNumber + 3n);
  });

  test.each(carries)('counts on from number %i', (sequenceNumber) => {
    const keys = { ...someKeys(), sequenceNumber };
    const sealer = create(keys, 'seal');
    const opener = create(keys, 'open');
    for (let i = 0n; i < 3n; i++) {
      const wire = seal(sealer, 23, Buffer.from([Number(i)]));
      expect(referenceOpen(keys, sequenceNumber + i, wire)).toEqual({ type: 23, fragment: Uint8Array.of(Number(i)) });
      expect(open(opener, wire).stop).toBe(OpenStop.partial);
      expect([sealer.sequenceNumber, opener.sequenceNumber]).toEqual([
        sequenceNumber + i + 1n,
        sequenceNumber + i + 1n,
      ]);
    }
  });

  test('the nonce in the record counts up from the IV, past all carries', () => {
    const keys = { ...someKeys(), sequenceNumber: 5n };
    keys.iv.fill(0xff, 4);
    const wire = seal(create(keys, 'seal'), 23, new Uint8Array(20_000));
    expect(Buffer.compare(wire, sealByReference(keys, 23, new Uint8Array(20_000), 16384))).toBe(0);
  });

  test('uses number 2^64 - 1 and refuses the next', () => {
    const keys = { ...someKeys(), sequenceNumber: 2n ** 64n - 1n };
    const sealer = create(keys, 'seal');
    const opener = create(keys, 'open');
    const out = Buffer.alloc(40_000);
    expect(() => sealer.seal(23, new Uint8Array(16385), out, 0)).toThrow('used up');
    expect(out.every((byte) => byte === 0)).toBe(true);
    const wire = seal(sealer, 23, Buffer.from('last'));
    expect(sealer.sequenceNumber).toBe(2n ** 64n);
    expect(() => sealer.seal(23, new Uint8Array(), out, 0)).toThrow(RangeError);
    expect(open(opener, wire).stop).toBe(OpenStop.partial);
    expect(opener.sequenceNumber).toBe(2n ** 64n);
    const { stop, state } = open(opener, wire);
    expect({ stop, fault: state.fault }).toEqual({ stop: OpenStop.fault, fault: OpenFault.sequenceNumbersUsedUp });
  });

  test('every bit of a record matters', () => {
    const keys = someKeys();
    const first = sealByReference(keys, 23, Buffer.from('before'), 16384);
    const record = Buffer.from(seal(create({ ...keys, sequenceNumber: 1n }, 'seal'), 23, Buffer.from('secret')));
    for (let bit = 0; bit < record.length * 8; bit++) {
      const wire = Buffer.concat([first, record]);
      const at = first.length + (bit >> 3);
      wire.writeUInt8(wire.readUInt8(at) ^ (1 << (bit & 7)), at);
      const { stop, state, out } = open(create(keys, 'open'), wire);
      // A length that became larger makes a record that has not all arrived.
      const incomplete = wire.readUInt16BE(first.length + 3) > record.length - 5;
      const tooLong = wire.readUInt16BE(first.length + 3) > 16384 + (version === 0x0304 ? 256 : 2048);
      expect(stop, `bit ${bit}`).toBe(
        incomplete && !tooLong && at > first.length + 2 ? OpenStop.partial : OpenStop.fault,
      );
      expect(state).toMatchObject({ consumed: first.length, dataLength: 6 });
      // Behind the good record's content lies its content type, in TLS 1.3.
      expect(out.subarray(7).every((byte) => byte === 0)).toBe(true);
    }
  });

  test.each([OpenFault.plaintextTooLong, OpenFault.noContentType, OpenFault.emptyControlRecord])(
    'fault %i leaves nothing of an authentic record behind',
    (fault) => {
      if (version === 0x0303 && fault !== OpenFault.plaintextTooLong) return;
      const keys = someKeys();
      const inner = {
        [OpenFault.plaintextTooLong]: Buffer.alloc(16386, 23),
        [OpenFault.noContentType]: Buffer.alloc(50),
        [OpenFault.emptyControlRecord]: Buffer.from([22, 0, 0]),
      }[fault];
      const wire = referenceSeal(keys, keys.sequenceNumber, 23, Buffer.alloc(16385, 23), { inner: inner as Buffer });
      const { stop, state, out } = open(create(keys, 'open'), wire);
      expect({ stop, ...state }).toMatchObject({ stop: OpenStop.fault, fault, consumed: 0, dataLength: 0 });
      expect(out.every((byte) => byte === 0)).toBe(true);
    },
  );

  test('the longest records there are', () => {
    const keys = someKeys();
    const wire = referenceSeal(keys, 0n, 23, Buffer.alloc(16384, 1));
    expect(open(create(keys, 'open'), wire).state).toMatchObject({ consumed: wire.length, dataLength: 16384 });
    if (version === 0x0303) return;
    const padded = referenceSeal(keys, 0n, 23, Buffer.alloc(16380, 1), { padding: 4 });
    expect(open(create(keys, 'open'), padded).state).toMatchObject({ consumed: padded.length, dataLength: 16380 });
  });

  test('a fault is the answer from then on', () => {
    const keys = someKeys();
    const opener = create(keys, 'open');
    const good = sealByReference(keys, 23, Buffer.from('good'), 16384);
    expect(
      open(
        opener,
        good.map((byte) => byte ^ 1),
      ).stop,
    ).toBe(OpenStop.fault);
    const fault = opener.state[OpenState.fault];
    const { stop, state } = open(opener, good);
    expect({ stop, ...state }).toMatchObject({ stop: OpenStop.fault, fault, consumed: 0, dataLength: 0 });
    expect(opener.sequenceNumber).toBe(keys.sequenceNumber);
  });

  test('an input cut anywhere is opened up to its last whole record', () => {
    const keys = someKeys();
    const wire = sealByReference(keys, 23, randomBytes(250), 100);
    const ends = [0];
    for (const record of splitRecords(wire)) ends.push((ends.at(-1) ?? 0) + record.length);
    for (let end = 0; end <= wire.length; end++) {
      const whole = ends.filter((recordEnd) => recordEnd <= end).length - 1;
      const { stop, state } = open(create(keys, 'open'), wire.subarray(0, end));
      expect(stop).toBe(OpenStop.partial);
      expect(state).toMatchObject({ consumed: ends[whole], dataLength: Math.min(250, whole * 100) });
    }
  });

  test('only what lies between start and end, into what lies behind the offset', () => {
    const keys = someKeys();
    const record = sealByReference(keys, 23, Buffer.from('middle'), 16384);
    const input = Buffer.concat([Buffer.alloc(7, 0xee), record, Buffer.alloc(7, 0xee)]);
    const before = Buffer.from(input);
    const out = Buffer.alloc(40, 0xaa);
    const opener = create(keys, 'open');
    expect(opener.open(input, 7, 7 + record.length, out, 10)).toBe(OpenStop.partial);
    expect(out.subarray(10, 16).toString()).toBe('middle');
    expect(out.subarray(0, 10).every((byte) => byte === 0xaa)).toBe(true);
    // TLS 1.3 decrypts the content type behind the content.
    expect(out.subarray(17).every((byte) => byte === 0xaa)).toBe(true);
    expect(input.equals(before)).toBe(true);
  });

  test('stops at a control record, and goes on behind it', () => {
    const keys = someKeys();
    const sealer = create(keys, 'seal');
    const wire = Buffer.concat(
      (
        [
          [23, 'data'],
          [23, 'more'],
          [22, 'ticket'],
          [21, 'alert'],
          [23, 'rest'],
        ] as const
      ).map(([type, text]) => seal(sealer, type, Buffer.from(text))),
    );
    const opener = create(keys, 'open');
    const seen: unknown[] = [];
    for (let at = 0; at < wire.length; ) {
      const { stop, state, out } = open(opener, wire.subarray(at));
      at += state.consumed;
      const controlEnd = state.dataLength + state.controlLength;
      seen.push([
        stop,
        out.toString('latin1', 0, state.dataLength),
        out.toString('latin1', state.dataLength, controlEnd),
      ]);
      seen.push(state.controlType);
    }
    const { control, partial } = OpenStop;
    expect(seen).toEqual([[control, 'datamore', 'ticket'], 22, [control, '', 'alert'], 21, [partial, 'rest', ''], 0]);
  });

  test('stops where there is no room, and nothing is lost', () => {
    const keys = someKeys();
    const data = randomBytes(1000);
    const wire = sealByReference(keys, 23, data, 100);
    const opener = create(keys, 'open');
    const parts: Buffer[] = [];
    for (let at = 0; at < wire.length; ) {
      const out = Buffer.alloc(250);
      const stop = opener.open(wire, at, wire.length, out, 0);
      at += opener.state[OpenState.consumed];
      expect(stop).toBe(at < wire.length ? OpenStop.full : OpenStop.partial);
      parts.push(out.subarray(0, opener.state[OpenState.applicationDataLength]));
    }
    expect(parts.map((part) => part.length)).toEqual([200, 200, 200, 200, 200]);
    expect(Buffer.concat(parts).equals(data)).toBe(true);
  });

  test('any writes in any pieces', () => {
    const write = fc.record({ type: fc.constantFrom(23, 23, 23, 22, 21), size: fc.integer({ min: 1, max: 40_000 }) });
    fc.assert(
      fc.property(
        fc.array(write, { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.nat(30_000)),
        (writes, cuts) => {
          const keys = someKeys();
          const sealer = create(keys, 'seal');
          const contents = writes.map(({ size }) => randomBytes(size));
          const wire = Buffer.concat(writes.map(({ type }, i) => seal(sealer, type, contents[i] as Buffer)));
          const opened = openInPieces(create(keys, 'open'), wire, cuts);
          expect(opened.equals(Buffer.concat(contents))).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('is of no use once disposed of', () => {
    for (const use of ['seal', 'open'] as const) {
      const cipher = create(someKeys(), use);
      cipher.dispose();
      cipher.dispose();
      const call = use === 'seal' ? () => seal(cipher, 23, new Uint8Array()) : () => open(cipher, new Uint8Array());
      expect(call).toThrow('gone');
      expect(cipher.sequenceNumber).toBe(0n);
    }
  });

  function someKeys(): TrafficKeys {
    const key = randomBytes(aead === 'aes-128-gcm' ? 16 : 32);
    return { version, aead, key, iv: randomBytes(12), sequenceNumber: 0n };
  }

  function seal(cipher: RecordCipher, type: number, fragment: Uint8Array): Buffer {
    const out = Buffer.alloc(fragment.length + Math.max(1, Math.ceil(fragment.length / 16384)) * overhead);
    expect(cipher.seal(type, fragment, out, 0)).toBe(out.length);
    return out;
  }
});

function create(keys: TrafficKeys, use: 'seal' | 'open'): RecordCipher {
  const loaded = loadAddon();
  if ('refused' in loaded || !loaded.addon.cryptography) throw new Error('no addon');
  const { RecordCipher } = loaded.addon.cryptography;
  return new RecordCipher(keys.aead, keys.key, keys.iv, keys.sequenceNumber, keys.version, use === 'seal');
}

function open(cipher: RecordCipher, wire: Uint8Array) {
  const out = Buffer.alloc(wire.length);
  const stop = cipher.open(wire, 0, wire.length, out, 0);
  const [consumed = 0, dataLength = 0, controlType = 0, controlLength = 0, fault = 0] = cipher.state;
  return { stop, state: { consumed, dataLength, controlType, controlLength, fault }, out };
}

function openInPieces(opener: RecordCipher, wire: Buffer, cuts: IterableIterator<number>): Buffer {
  const parts: Buffer[] = [];
  let arrived = 0;
  for (let at = 0; at < wire.length; ) {
    const { stop, state, out } = open(opener, wire.subarray(at, arrived));
    at += state.consumed;
    parts.push(out.subarray(0, state.dataLength + state.controlLength));
    if (stop === OpenStop.partial) arrived = Math.min(wire.length, arrived + 1 + Number(cuts.next().value));
    if (stop === OpenStop.fault) throw new Error(`fault ${state.fault}`);
  }
  return Buffer.concat(parts);
}

function sealByReference(keys: TrafficKeys, type: number, data: Uint8Array, maxFragment: number): Buffer {
  const count = Math.max(1, Math.ceil(data.length / maxFragment));
  const records = Array.from({ length: count }, (_, i) => {
    const number = keys.sequenceNumber + BigInt(i);
    const fragment = data.subarray(i * maxFragment, (i + 1) * maxFragment);
    return referenceSeal(keys, number, type, fragment, { explicitNonce: countedExplicitNonce(keys, number) });
  });
  return Buffer.concat(records);
}
