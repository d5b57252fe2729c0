import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Alert } from '../../src/protocol/alert.ts';
import { ProtocolVersion } from '../../src/protocol/version.ts';
import { RecordBuffer } from '../../src/record/record-buffer.ts';
import { hex } from '../helpers/hex.ts';

describe('one record at a time', () => {
  test('nothing of nothing', () => {
    const buffer = new RecordBuffer();
    buffer.push(new Uint8Array());
    expect(buffer.firstRecord()).toBeUndefined();
    expect(buffer.fault).toBeUndefined();
    expect(buffer.length).toBe(0);
  });

  test('a chunk of three records', () => {
    const records = [record(10), record(0), record(300, 22)];
    const buffer = bufferOf(join(records));
    for (const expected of records) expect(take(buffer, 'firstRecord')).toEqual(expected);
    expect(buffer.firstRecord()).toBeUndefined();
  });

  test('byte by byte', () => {
    const buffer = new RecordBuffer();
    const expected = record(40);
    for (const byte of expected.subarray(0, -1)) {
      buffer.push(Uint8Array.of(byte));
      expect(buffer.firstRecord()).toBeUndefined();
    }
    buffer.push(expected.subarray(-1));
    expect(take(buffer, 'firstRecord')).toEqual(expected);
    expect(buffer.length).toBe(0);
  });

  test('reading as much as is missing never reads beyond a record', () => {
    const wire = join([record(300), record(0), record(16384)]);
    const buffer = new RecordBuffer();
    const reads: number[] = [];
    for (let offset = 0; offset < wire.length; ) {
      const length = buffer.missing;
      reads.push(length);
      buffer.push(wire.subarray(offset, offset + length));
      offset += length;
      if (buffer.firstRecord()) expect(buffer.missing).toBe(0);
      take(buffer, 'firstRecord');
    }
    expect(reads).toEqual([5, 300, 5, 5, 16384]);
    expect(buffer.missing).toBe(5);
  });

  test('what is missing, however little there is', () => {
    const buffer = bufferOf(Uint8Array.of(22), Uint8Array.of(3, 3));
    expect(buffer.missing).toBe(2);
    buffer.push(Uint8Array.of(0, 9));
    expect(buffer.missing).toBe(9);
    buffer.push(new Uint8Array(4));
    expect(buffer.missing).toBe(5);
    buffer.push(new Uint8Array(7));
    expect(buffer.missing).toBe(0);
  });

  test('the same record until it is consumed', () => {
    const buffer = bufferOf(join([record(1), record(2)]));
    expect(buffer.firstRecord()).toEqual(buffer.firstRecord());
    expect(buffer.length).toBe(13);
  });
});

describe('all whole records', () => {
  test('are one view of the chunk, without the partial record behind them', () => {
    const chunk = join([record(10), record(20), record(30).subarray(0, 12)]);
    const buffer = bufferOf(chunk);
    const whole = buffer.wholeRecords();
    expect(whole).toEqual(join([record(10), record(20)]));
    expect(whole?.buffer).toBe(chunk.buffer);
  });

  test('a split record comes alone, then the rest of its chunk uncopied', () => {
    const wire = join([record(10), record(20), record(30), record(40)]);
    const buffer = bufferOf(wire.slice(0, 20));
    const second = wire.slice(20);
    expect(take(buffer, 'wholeRecords')).toEqual(record(10));
    expect(buffer.wholeRecords()).toBeUndefined();
    buffer.push(second);
    expect(take(buffer, 'wholeRecords')).toEqual(record(20));
    const rest = buffer.wholeRecords();
    expect(rest).toEqual(join([record(30), record(40)]));
    expect(rest?.buffer).toBe(second.buffer);
  });

  test('may be consumed in part, and asked for again', () => {
    const buffer = bufferOf(join([record(1), record(2), record(3)]));
    buffer.wholeRecords();
    buffer.consume(6);
    expect(buffer.firstRecord()).toEqual(record(2));
    expect(buffer.wholeRecords()).toEqual(join([record(2), record(3)]));
  });

  test('cannot be consumed before they are there', () => {
    const whole = record(10);
    const buffer = bufferOf(whole.subarray(0, 8));
    expect(() => buffer.consume(9)).toThrow(RangeError);
    buffer.push(whole.subarray(8, 10));
    expect(buffer.wholeRecords()).toBeUndefined();
    expect(() => buffer.consume(5)).toThrow(RangeError);
    expect(() => new RecordBuffer().consume(1)).toThrow(RangeError);
  });
});

describe('faults', () => {
  test.each([
    ['heartbeat', hex('1803030001'), Alert.unexpectedMessage, 'content type 24'],
    ['a type below all', hex('1303030001'), Alert.unexpectedMessage, 'content type 19'],
    ['an HTTP request', Buffer.from('GET /'), Alert.unexpectedMessage, 'letter G'],
    ['an HTTP response', Buffer.from('HTTP/'), Alert.unexpectedMessage, 'letter H'],
    ['SSL 2.0', hex('1602000010'), Alert.decodeError, 'version 0x0200'],
    ['a major version of 4', hex('1604030010'), Alert.decodeError, 'version 0x0403'],
    ['too long for TLS 1.2', hex('1603034801'), Alert.recordOverflow, '18433 bytes'],
  ])('%s is seen as soon as its header is there', (_, header, alert, reason) => {
    const buffer = bufferOf(join([record(7), header.subarray(0, 4)]));
    expect(buffer.fault).toBeUndefined();
    expect(take(buffer, 'wholeRecords')).toEqual(record(7));
    expect(buffer.fault).toBeUndefined();
    buffer.push(header.subarray(4));
    expect(buffer.fault).toMatchObject({ alert, reason: expect.stringContaining(reason) });
    expect(buffer.firstRecord()).toBeUndefined();
    expect(buffer.wholeRecords()).toBeUndefined();
  });

  test('what is retained is the buffer’s own, also of a Buffer and where whole records are left', () => {
    const chunk = Buffer.from(join([record(20), record(30), record(40)]));
    const buffer = bufferOf(chunk);
    buffer.consume(buffer.firstRecord()?.length ?? 0);
    buffer.retain();
    chunk.fill(0xff);
    expect(take(buffer, 'wholeRecords')).toEqual(join([record(30), record(40)]));
  });

  test('is none while whole records stand in front of it', () => {
    const buffer = bufferOf(join([record(1), record(2), Buffer.from('HTTP/1.1 400')]));
    expect(buffer.fault).toBeUndefined();
    buffer.consume(buffer.wholeRecords()?.length ?? 0);
    expect(buffer.fault?.alert).toBe(Alert.unexpectedMessage);
  });

  test.each([
    ['of a wrong type', record(10, 24)],
    ['of a wrong version', Uint8Array.of(22, 2, 0, 0, 1, 0)],
    ['too long', record(18_433)],
  ])('what is all there but %s is not handed out', (_, bytes) => {
    const buffer = bufferOf(join([record(1), bytes, record(2)]));
    expect(take(buffer, 'wholeRecords')).toEqual(record(1));
    expect(take(buffer, 'wholeRecords')).toBeUndefined();
    expect(take(buffer, 'firstRecord')).toBeUndefined();
    expect(buffer.fault).toBeDefined();
  });

  test('the bytes stay, for OpenSSL to judge', () => {
    const request = Buffer.from('GET / HTTP/1.1\r\n\r\n');
    const buffer = new RecordBuffer();
    for (const byte of request) buffer.push(Uint8Array.of(byte));
    expect(buffer.fault).toBeDefined();
    expect(Buffer.compare(buffer.takeAll(), request)).toBe(0);
    expect(buffer.fault).toBeUndefined();
    expect(buffer.length).toBe(0);
  });

  test.each([
    ['tls12', ProtocolVersion.tls12, 16384 + 2048],
    ['tls13', ProtocolVersion.tls13, 16384 + 256],
  ] as const)('the limit of %s', (_, version, most) => {
    for (const [length, isFault] of [
      [most, false],
      [most + 1, true],
    ] as const) {
      const buffer = bufferOf(header(23, length));
      buffer.version = version;
      expect(buffer.fault?.alert).toBe(isFault ? Alert.recordOverflow : undefined);
    }
  });

  test('a minor version of any kind is none', () => {
    for (const minor of [0, 1, 2, 3, 4, 255]) expect(bufferOf(Uint8Array.of(22, 3, minor, 0, 1)).fault).toBeUndefined();
  });
});

describe('retain', () => {
  test('a partial record outlives the memory that it came in', () => {
    const wire = join([record(5), record(500)]);
    const chunk = wire.slice(0, 100);
    const buffer = bufferOf(chunk);
    expect(take(buffer, 'wholeRecords')).toEqual(record(5));
    buffer.retain();
    chunk.fill(0);
    buffer.push(wire.subarray(100));
    expect(take(buffer, 'wholeRecords')).toEqual(record(500));
  });

  test('so do whole records, and what cannot be one', () => {
    const chunk = join([record(5), record(6), Buffer.from('HTTP/1.1')]);
    const buffer = bufferOf(chunk);
    buffer.retain();
    buffer.retain();
    chunk.fill(0);
    expect(take(buffer, 'wholeRecords')).toEqual(join([record(5), record(6)]));
    expect(buffer.fault?.reason).toContain('letter H');
  });
});

describe('room in front of a chunk', () => {
  test('takes what was retained, so that all whole records are in one piece', () => {
    const wire = join([record(10), record(20), record(30)]);
    const buffer = bufferOf(wire.slice(0, 20));
    expect(take(buffer, 'wholeRecords')).toEqual(record(10));
    buffer.retain();
    const { chunk } = chunkWithRoom(wire.slice(20), 5);
    buffer.push(chunk, 5);
    expect(take(buffer, 'wholeRecords')).toEqual(join([record(20), record(30)]));
    expect(buffer.length).toBe(0);
  });

  test('is left alone where it is too small', () => {
    const buffer = bufferOf(record(20).slice(0, 12));
    buffer.retain();
    const { chunk, border } = chunkWithRoom(record(20).slice(12), 11);
    buffer.push(chunk, 11);
    expect(border).toEqual(untouched);
    expect(take(buffer, 'wholeRecords')).toEqual(record(20));
  });
});

describe('takeAll', () => {
  test('hands over everything, in order, and starts anew', () => {
    const wire = join([record(10), record(20), record(30)]);
    const buffer = bufferOf(wire.subarray(0, 8), wire.subarray(8, 30));
    expect(buffer.firstRecord()).toEqual(record(10));
    buffer.push(wire.subarray(30));
    expect(buffer.takeAll()).toEqual(wire);
    expect(buffer.takeAll()).toHaveLength(0);
    buffer.push(record(3));
    expect(take(buffer, 'firstRecord')).toEqual(record(3));
  });
});

test('any records, cut anywhere, asked for in any way, come out the same', () => {
  const lengths = fc.array(fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 18_432 })), {
    maxLength: 20,
  });
  const steps = fc.array(
    fc.record({
      size: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 40_000 })),
      way: fc.constantFrom('firstRecord' as const, 'wholeRecords' as const, 'none' as const),
      reuse: fc.boolean(),
      room: fc.constantFrom(0, 7, 18_437),
    }),
    { minLength: 1 },
  );
  fc.assert(
    fc.property(lengths, steps, (records, cuts) => {
      const wire = join(records.map((length, i) => record(length, 20 + (i % 4))));
      const buffer = new RecordBuffer();
      const taken: Uint8Array[] = [];
      let offset = 0;
      for (let i = 0; offset < wire.length; i++) {
        const { size, way, reuse, room } = cuts[i % cuts.length] ?? { size: 1, way: 'none', reuse: false, room: 0 };
        const { chunk, border } = chunkWithRoom(wire.slice(offset, offset + size), room);
        offset += chunk.length;
        buffer.push(chunk, room);
        expect(border).toEqual(untouched);
        if (way !== 'none') takeEverything(buffer, way, taken);
        if (!reuse) continue;
        buffer.retain();
        chunk.fill(0xff);
      }
      takeEverything(buffer, 'wholeRecords', taken);
      expect(buffer.length).toBe(0);
      expect(Buffer.compare(join(taken), wire)).toBe(0);
    }),
    { numRuns: 300 },
  );
});

/** `bytes` behind so much room, and in front of that what must stay as it is. */
function chunkWithRoom(bytes: Uint8Array, room: number): { chunk: Uint8Array; border: Uint8Array } {
  const memory = join([untouched, new Uint8Array(room), bytes]);
  return { chunk: memory.subarray(untouched.length + room), border: memory.subarray(0, untouched.length) };
}

const untouched = Uint8Array.of(1, 2, 3, 4);

function takeEverything(buffer: RecordBuffer, way: 'firstRecord' | 'wholeRecords', taken: Uint8Array[]): void {
  for (let bytes = take(buffer, way); bytes !== undefined; bytes = take(buffer, way)) taken.push(bytes);
}

/** A copy, as a view holds only until the record is consumed. */
function take(buffer: RecordBuffer, way: 'firstRecord' | 'wholeRecords'): Uint8Array | undefined {
  const bytes = buffer[way]()?.slice();
  if (bytes !== undefined) buffer.consume(bytes.length);
  return bytes;
}

function bufferOf(...chunks: readonly Uint8Array[]): RecordBuffer {
  const buffer = new RecordBuffer();
  for (const chunk of chunks) buffer.push(chunk);
  return buffer;
}

function record(length: number, type = 23): Uint8Array {
  return join([header(type, length), Uint8Array.from({ length }, (_, i) => i * 7 + length)]);
}

function header(type: number, length: number): Uint8Array {
  return Uint8Array.of(type, 3, 3, length >> 8, length & 255);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
