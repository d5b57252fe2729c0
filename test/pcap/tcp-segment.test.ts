import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxSegmentLength, TcpFlag, tcpPacket } from '../../src/pcap/tcp-segment.ts';
import { hex } from '../helpers/hex.ts';

const here = { address: '192.0.2.1', port: 49_152 };
const there = { address: '198.51.100.7', port: 443 };
const flags = TcpFlag.ack | TcpFlag.psh;

test('an IPv4 packet, byte for byte', () => {
  const packet = tcpPacket({
    source: here,
    destination: there,
    sequence: 0x01020304,
    acknowledgment: 0xfffffffe,
    flags,
    payload: hex('aabbcc'),
  });
  expect(Buffer.from(packet).toString('hex')).toBe(
    ['4500002b0000400040064e91', 'c0000201c6336407', 'c00001bb01020304fffffffe5018ffff', '87100000', 'aabbcc'].join(''),
  );
});

describe('checksums come out right', () => {
  const endpoints = fc.record({ address: fc.oneof(fc.ipV4(), fc.ipV6()), port: fc.integer({ min: 0, max: 65_535 }) });
  const numbers = fc.integer({ min: 0, max: 0xffff_ffff });

  test('whatever the addresses, numbers and data', () => {
    fc.assert(
      fc.property(endpoints, endpoints, numbers, numbers, fc.uint8Array({ maxLength: 80 }), (a, b, m, n, payload) => {
        const packet = Buffer.from(
          tcpPacket({ source: a, destination: b, sequence: m, acknowledgment: n, flags, payload }),
        );
        const isV4 = packet.readUInt8(0) >> 4 === 4;
        const start = isV4 ? 20 : 40;
        const addresses = isV4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
        const length = packet.length - start;
        const pseudo = Buffer.concat([addresses, Buffer.of(0, 0, length >> 8, length & 255, 0, 0, 0, 6)]);
        expect(onesComplement(Buffer.concat([pseudo, packet.subarray(start)]))).toBe(0xffff);
        if (isV4) expect(onesComplement(packet.subarray(0, 20))).toBe(0xffff);
        expect(isV4 ? packet.readUInt16BE(2) : packet.readUInt16BE(4) + 40).toBe(packet.length);
        expect(packet.subarray(start + 20)).toEqual(Buffer.from(payload));
      }),
    );
  });

  test('for the longest segment', () => {
    const payload = new Uint8Array(maxSegmentLength).fill(0xff);
    const packet = tcpPacket({ source: here, destination: there, sequence: 0, acknowledgment: 0, flags, payload });
    expect(packet).toHaveLength(65_535);
    expect(() =>
      tcpPacket({
        source: here,
        destination: there,
        sequence: 0,
        acknowledgment: 0,
        flags,
        payload: new Uint8Array(maxSegmentLength + 1),
      }),
    ).toThrow(RangeError);
  });
});

describe('addresses', () => {
  test.each([
    ['::1', '00000000000000000000000000000001'],
    ['fe80::1:2%eth0', 'fe800000000000000000000000010002'],
    ['2001:db8:1:2:3:4:5:6', '20010db8000100020003000400050006'],
    ['64:ff9b::192.0.2.1', '0064ff9b0000000000000000c0000201'],
    ['::', '00000000000000000000000000000000'],
  ])('%s', (address, expected) => {
    const source = { address, port: 1 };
    const packet = tcpPacket({ source, destination: source, sequence: 0, acknowledgment: 0, flags });
    expect(Buffer.from(packet.subarray(8, 24)).toString('hex')).toBe(expected);
  });

  test('an IPv4 address mapped to IPv6 is IPv4', () => {
    const source = { address: '::ffff:192.0.2.1', port: 49_152 };
    const [one, other] = [source, here].map((end) =>
      tcpPacket({ source: end, destination: there, sequence: 0, acknowledgment: 0, flags }),
    );
    expect(one).toEqual(other);
  });

  test('text that is none is refused', () => {
    const source = { address: '/run/socket', port: 0 };
    expect(() => tcpPacket({ source, destination: here, sequence: 0, acknowledgment: 0, flags })).toThrow(RangeError);
  });
});

function onesComplement(bytes: Buffer): number {
  let total = 0;
  for (let at = 0; at < bytes.length; at += 2) total += (bytes.readUInt8(at) << 8) | (bytes[at + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}
