import { describe, expect, test } from 'vitest';
import { IpFragments } from '../../src/pcap/network/ip-fragments.ts';
import type { Dropped } from '../../src/pcap/network/layer.ts';
import { Network, type TcpSegment } from '../../src/pcap/network.ts';
import { tcpPacket } from '../../src/pcap/tcp-segment.ts';
import { pattern } from '../helpers/pattern.ts';

const ends = (source: string, destination: string): Parameters<typeof tcpPacket>[0] => ({
  source: { address: source, port: 1 },
  destination: { address: destination, port: 2 },
  sequence: 9,
  acknowledgment: 0,
  flags: 16,
  payload: pattern(100),
});

describe.each([
  ['IPv4', tcpPacket(ends('192.0.2.1', '192.0.2.2'))],
  ['IPv6', tcpPacket(ends('2001:db8::1', '2001:db8::2'))],
])('fragments of %s', (_, packet) => {
  const fragments = fragmentsOf(packet, 40);

  test('in order, in the other order, and twice', () => {
    expect(fragments.length).toBeGreaterThan(2);
    for (const order of [fragments, fragments.toReversed(), fragments.flatMap((one) => [one, one])]) {
      const found = segmentsIn(order);
      expect(found.filter(Boolean)).toMatchObject([{ payload: pattern(100), payloadLength: 100 }]);
    }
  });

  test('of two packets at once', () => {
    const other = fragmentsOf(packet, 48, 2);
    const both = fragments.flatMap((one, index) => [one, other[index] ?? one]);
    expect(segmentsIn(both).filter(Boolean)).toHaveLength(2);
  });

  test('one that is missing: nothing, and it is counted', () => {
    const network = new Network();
    for (const bytes of fragments.slice(1)) expect(network.segmentOf(captured(bytes))).toBeUndefined();
    expect(network.incompleteFragments).toBe(fragments.length - 1);
  });

  test('of which one is behind the last are dropped with their packet', () => {
    const fragments = new IpFragments();
    fragments.push('a', { offset: 16, hasMore: true }, pattern(8), 0n);
    const last = { offset: 8, hasMore: false };
    expect(fragments.push('a', last, pattern(8), 0n)).toEqual({ dropped: 'overlapping IP fragments' });
    fragments.push('b', last, pattern(8), 0n);
    expect(fragments.push('b', { offset: 16, hasMore: true }, pattern(8), 0n)).toEqual({
      dropped: 'overlapping IP fragments',
    });
  });

  test('that overlap are dropped with their packet', () => {
    const [first, second] = [fragments[0], fragmentsOf(packet, 48)[1]];
    if (first === undefined || second === undefined) throw new Error('there are two');
    expect(segmentsIn([...fragmentsOf(packet, 48).slice(0, 1), fragments[1] ?? first])).toMatchObject([
      undefined,
      { dropped: 'overlapping IP fragments', reason: 'there are overlapping IP fragments' },
    ]);
  });
});

describe('what fragments may cost', () => {
  const part = { offset: 0, hasMore: true };

  test('they are given up after a minute', () => {
    const fragments = new IpFragments();
    fragments.push('a', part, pattern(8), 0n);
    fragments.push('b', part, pattern(8), 60_000_000_001n);
    expect(fragments.push('a', { offset: 8, hasMore: false }, pattern(8), 60_000_000_002n)).toBeUndefined();
    expect(fragments.incomplete).toBe(3);
  });

  test('of many packets only the last are kept', () => {
    const fragments = new IpFragments();
    for (let id = 0; id < 5000; id++) fragments.push(`${id}`, part, pattern(8), 0n);
    const last = { offset: 8, hasMore: false };
    expect(fragments.push('0', last, pattern(8), 0n)).toBeUndefined();
    expect(fragments.push('4999', last, pattern(8), 0n)).toEqual({
      whole: Uint8Array.from([...pattern(8), ...pattern(8)]),
    });
    expect(fragments.incomplete).toBe(5000);
  });

  test('a packet of too many parts, or too long, is dropped', () => {
    const fragments = new IpFragments();
    const parts = Array.from({ length: 300 }, (_, at) =>
      fragments.push('a', { offset: at * 8, hasMore: true }, pattern(8), 0n),
    );
    expect(parts.find((one) => one !== undefined)).toEqual({ dropped: 'overlapping IP fragments' });
    expect(fragments.push('b', { offset: 65_528, hasMore: false }, pattern(8), 0n)).toEqual({
      dropped: 'broken IP fragments',
    });
  });
});

function segmentsIn(packets: readonly Uint8Array[]): (TcpSegment | Dropped | undefined)[] {
  const network = new Network();
  return packets.map((bytes) => network.segmentOf(captured(bytes)));
}

function captured(bytes: Uint8Array): Parameters<Network['segmentOf']>[0] {
  return { kind: 'packet', time: 0n, linkType: 101, bytes, originalLength: bytes.length };
}

/** A packet of IP in pieces of `size` bytes. */
function fragmentsOf(packet: Uint8Array, size: number, id = 1): Uint8Array[] {
  const isV4 = (packet[0] ?? 0) >> 4 === 4;
  const headerLength = isV4 ? 20 : 40;
  const body = packet.subarray(headerLength);
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < body.length; offset += size) {
    const piece = body.subarray(offset, offset + size);
    const hasMore = offset + size < body.length;
    const header = Buffer.from(packet.slice(0, headerLength));
    if (isV4) {
      header.writeUInt16BE(20 + piece.length, 2);
      header.writeUInt16BE(id, 4);
      header.writeUInt16BE((hasMore ? 0x2000 : 0) | (offset / 8), 6);
      pieces.push(Buffer.concat([header, piece]));
    } else {
      const extension = Buffer.from([6, 0, 0, 0, 0, 0, 0, id]);
      extension.writeUInt16BE(offset | (hasMore ? 1 : 0), 2);
      header[6] = 44;
      header.writeUInt16BE(8 + piece.length, 4);
      pieces.push(Buffer.concat([header, extension, piece]));
    }
  }
  return pieces;
}
