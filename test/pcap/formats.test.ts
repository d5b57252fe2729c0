import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CapturedPacket, CaptureItem } from '../../src/pcap/capture-item.ts';
import { CaptureReader } from '../../src/pcap/capture-reader.ts';
import { Network } from '../../src/pcap/network.ts';
import { tcpPacket } from '../../src/pcap/tcp-segment.ts';
import { capture } from '../dissect/captures.ts';
import { hex } from '../helpers/hex.ts';
import { pattern } from '../helpers/pattern.ts';
import { Bytes, type Order } from './bytes.ts';

describe.each<Order>(['little', 'big'])('pcap, %s endian', (order) => {
  test.each([
    ['microseconds', 0xa1b2c3d4, 1_700_000_000_123_456_000n, 123_456],
    ['nanoseconds', 0xa1b23c4d, 1_700_000_000_123_456_789n, 123_456_789],
  ] as const)('%s', (_, magic, time, fraction) => {
    const file = new Bytes(order).uint32(magic).uint16(2).uint16(4).uint32(0).uint32(0).uint32(65535).uint32(1);
    for (const [length, original] of [
      [5, 5],
      [0, 0],
      [9, 90],
    ] as const) {
      file.uint32(1_700_000_000).uint32(fraction).uint32(length).uint32(original).bytes(pattern(length));
    }
    expect(read(file.all)).toEqual([packet(time, pattern(5)), packet(time, pattern(0)), packet(time, pattern(9), 90)]);
  });

  test('with a longer header of each packet (Kuznetzov’s)', () => {
    const file = new Bytes(order).uint32(0xa1b2cd34).uint16(2).uint16(4).uint32(0).uint32(0).uint32(65535).uint32(1);
    file.uint32(1).uint32(2).uint32(5).uint32(9).uint32(3).uint32(0).bytes(pattern(5));
    expect(read(file.all)).toEqual([packet(1_000_002_000n, pattern(5), 9)]);
  });

  test.each([0x1c0001ac, 0x1c0001ab])('with a longer header of the file (Ixia’s), 0x%i', (magic) => {
    const file = new Bytes(order).uint32(magic).uint16(2).uint16(4).uint32(0).uint32(0).uint32(65535).uint32(1);
    file.uint32(21).uint32(1).uint32(2).uint32(5).uint32(9).bytes(pattern(5));
    expect(read(file.all)).toEqual([packet(1_000_000_002n, pattern(5), 9)]);
  });

  test('a packet that claims to be huge ends it', () => {
    const file = new Bytes(order).uint32(0xa1b2c3d4).uint16(2).uint16(4).uint32(0).uint32(0).uint32(65535).uint32(1);
    file.uint32(0).uint32(0).uint32(0x7fff_ffff).uint32(0x7fff_ffff).bytes(pattern(100));
    expect(read(file.all)).toEqual([{ kind: 'problem', reason: 'the file is broken: a packet of 2147483647 bytes' }]);
  });
});

describe.each<Order>(['little', 'big'])('pcapng, %s endian', (order) => {
  test('packets of several interfaces, with their clocks', () => {
    const file = section(order);
    const clocks: readonly [number | undefined, bigint, bigint, bigint][] = [
      [undefined, 0n, 1_500_000n, 1_500_000_000n],
      [9, 0n, 1_500_000_001n, 1_500_000_001n],
      [3, 0n, 1500n, 1_500_000_000n],
      // A negative power of two.
      [0x80 | 10, 0n, 1536n, 1_500_000_000n],
      [9, 100n, 5n, 100_000_000_005n],
      [9, -1n, 1_000_000_007n, 7n],
    ];
    for (const [resolution, offset] of clocks) file.bytes(interfaceBlock(order, { resolution, offset }));
    clocks.forEach(([, , ticks], id) => {
      const body = new Bytes(order)
        .uint32(id)
        .uint32(Number(ticks >> 32n))
        .uint32(Number(ticks & 0xffff_ffffn));
      file.bytes(block(order, 6, body.uint32(3).uint32(7).bytes(pattern(3)).pad().all));
    });
    expect(read(file.all)).toEqual(clocks.map(([, , , time]) => packet(time, pattern(3), 7)));
  });

  test('simple packets, as long as the interface allows', () => {
    const file = section(order).bytes(interfaceBlock(order, { snapLength: 6 }));
    file.bytes(block(order, 3, new Bytes(order).uint32(4).bytes(pattern(4)).all));
    file.bytes(block(order, 3, new Bytes(order).uint32(40).bytes(pattern(6)).pad().all));
    expect(read(file.all)).toEqual([packet(0n, pattern(4)), packet(0n, pattern(6), 40)]);
  });

  test('a key log; other secrets and other blocks are passed over', () => {
    const file = section(order);
    for (const type of [0x544c534b, 0x57474b4c]) {
      const secrets = new Bytes(order).uint32(type).uint32(5).bytes(Buffer.from('ABCDE')).pad();
      file.bytes(block(order, 10, secrets.all));
    }
    file.bytes(block(order, 4, new Bytes(order).uint32(0).all));
    expect(read(file.all)).toEqual([{ kind: 'keyLog', bytes: hex('4142434445') }]);
  });

  test('obsolete packets', () => {
    const file = section(order)
      .bytes(interfaceBlock(order, {}))
      .bytes(interfaceBlock(order, { resolution: 9 }));
    const body = new Bytes(order).uint16(1).uint16(77).uint32(1).uint32(5).uint32(3).uint32(7);
    file.bytes(block(order, 2, body.bytes(pattern(3)).pad().all));
    expect(read(file.all)).toEqual([packet(2n ** 32n + 5n, pattern(3), 7)]);
  });

  test('blocks that are documented and without packets are passed over, others are named', () => {
    const file = section(order);
    for (const type of [5, 0x0bad, 0x4000_0bad, 9, 0x0b16b00b]) file.bytes(block(order, type, new Uint8Array(8)));
    expect(read(file.all)).toEqual([
      { kind: 'unused', what: 'systemd journal entries' },
      { kind: 'unused', what: 'pcapng blocks of type 0xb16b00b' },
    ]);
  });

  test('a section after it has its own order and its own interfaces', () => {
    const other = order === 'little' ? 'big' : 'little';
    const file = section(order).bytes(interfaceBlock(order, {})).bytes(section(other).all);
    file.bytes(block(other, 6, new Bytes(other).uint32(0).uint32(0).uint32(0).uint32(0).uint32(0).all));
    file.bytes(interfaceBlock(other, { linkType: 101 }));
    file.bytes(block(other, 6, new Bytes(other).uint32(0).uint32(0).uint32(1).uint32(0).uint32(0).all));
    expect(read(file.all)).toEqual([
      { kind: 'problem', reason: 'the file is broken: a packet of an interface that was not described' },
      { ...packet(1000n, pattern(0)), linkType: 101 },
    ]);
  });

  test.each([
    ['a length that is no multiple of 4', 13],
    ['a length below that of an empty block', 8],
    ['a huge length', 0x7fff_fffc],
  ])('%s ends it', (_, length) => {
    const file = section(order).bytes(new Bytes(order).uint32(6).uint32(length).bytes(pattern(40)).all);
    expect(read(file.all)).toEqual([
      { kind: 'problem', reason: `the file is broken: a block of type 6 and length ${length}` },
    ]);
  });
});

test('a file in any pieces is the same file', () => {
  const { bytes } = capture('tls13-key-update');
  const whole = read(bytes);
  fc.assert(
    fc.property(fc.array(fc.nat({ max: bytes.length })), (cuts) => {
      const reader = new CaptureReader();
      const memory = new Uint8Array(bytes.length);
      const items: CaptureItem[] = [];
      let last = 0;
      for (const cut of [...cuts.sort((one, other) => one - other), bytes.length]) {
        // The same memory for each piece, as files are read.
        memory.set(bytes.subarray(last, cut));
        for (const item of reader.push(memory.subarray(0, cut - last))) {
          items.push('bytes' in item ? { ...item, bytes: item.bytes.slice() } : item);
        }
        reader.retain();
        last = cut;
      }
      expect([...items, ...reader.end()]).toEqual(whole);
    }),
  );
});

test('a file that was cut off says so', () => {
  const { bytes } = capture('tls13-key-update');
  const items = read(bytes.subarray(0, bytes.length - 10));
  expect(items.at(-1)).toMatchObject({
    kind: 'problem',
    reason: expect.stringContaining('the file ends within a packet'),
  });
  expect(items).toHaveLength(read(bytes).length);
});

describe('what is around a segment', () => {
  const ipv4 = tcpPacket({
    ...ends('192.0.2.1', '198.51.100.7'),
    sequence: 9,
    acknowledgment: 0,
    flags: 16,
    payload: pattern(7),
  });
  const ipv6 = tcpPacket({
    ...ends('2001:db8::1', '2001:db8::2'),
    sequence: 9,
    acknowledgment: 0,
    flags: 16,
    payload: pattern(7),
  });
  const mac = '020000000001020000000002';

  test.each<[string, number, Uint8Array, Uint8Array]>([
    ['Ethernet', 1, hex(mac, '0800'), ipv4],
    ['Ethernet, IPv6', 1, hex(mac, '86dd'), ipv6],
    ['Ethernet, one virtual network', 1, hex(mac, '81000005', '0800'), ipv4],
    ['Ethernet, a virtual network in another', 1, hex(mac, '88a80005', '81000006', '86dd'), ipv6],
    ['Linux cooked', 113, hex('0000', '0001', '0006', '0200000000010000', '0800'), ipv4],
    [
      'Linux cooked, virtual network',
      113,
      hex('0000', '0001', '0006', '0200000000010000', '8100', '0005', '86dd'),
      ipv6,
    ],
    ['Linux cooked 2', 276, hex('86dd', '0000', '00000001', '0001', '00', '06', '0200000000010000'), ipv6],
    ['BSD loopback, little endian', 0, hex('02000000'), ipv4],
    ['BSD loopback, big endian', 0, hex('00000002'), ipv4],
    ['OpenBSD loopback', 108, hex('00000018'), ipv6],
    ['IP', 101, hex(), ipv4],
    ['IPv6', 229, hex(), ipv6],
  ])('%s', (_, linkType, header, ip) => {
    // Ethernet pads short frames.
    const bytes = Buffer.concat([header, ip, new Uint8Array(linkType === 1 ? 6 : 0)]);
    const isV4 = ip === ipv4;
    expect(segmentOf({ ...packet(5n, bytes), linkType })).toEqual({
      time: 5n,
      source: { address: isV4 ? '192.0.2.1' : '2001:db8::1', port: 1 },
      destination: { address: isV4 ? '198.51.100.7' : '2001:db8::2', port: 2 },
      sequenceNumber: 9,
      syn: false,
      ack: true,
      fin: false,
      rst: false,
      payload: pattern(7),
      payloadLength: 7,
    });
  });

  test('extension headers of IPv6 are stepped over', () => {
    // 0 (hop by hop) → 43 (routing) → 60 (destination) → 51 (authentication, 8 bytes) → 6
    const [hop, routing, destination, authentication] = [
      hex('2b00000000000000'),
      hex('3c00000000000000'),
      hex('3301', '00'.repeat(14)),
      hex('0600', '00'.repeat(6)),
    ];
    const bytes = Buffer.concat([ipv6.subarray(0, 40), hop, routing, destination, authentication, ipv6.subarray(40)]);
    bytes[6] = 0;
    bytes.writeUInt16BE(bytes.length - 40, 4);
    expect(segmentOf({ ...packet(0n, bytes), linkType: 101 })).toMatchObject({ payload: pattern(7) });
  });

  test('a packet that was cut off tells how long it was', () => {
    const cut = segmentOf({ ...packet(0n, ipv4.subarray(0, ipv4.length - 3), ipv4.length), linkType: 101 });
    expect(cut).toMatchObject({ payload: pattern(4), payloadLength: 7 });
  });

  test.each<[string, number, Uint8Array, string]>([
    ['another link', 147, ipv4, 'link type 147 is not supported'],
    ['half an IPv4 header', 101, ipv4.subarray(0, 19), 'an IPv4 header is cut off or broken'],
    ['half an IPv6 header', 101, ipv6.subarray(0, 39), 'an IPv6 header is cut off or broken'],
    ['half a TCP header', 101, ipv4.subarray(0, 30), 'a TCP header is cut off or broken'],
    ['a TCP header longer than its packet', 101, edited(ipv4, 32, 0xf0), 'a TCP header is cut off or broken'],
  ])('%s: %s', (_, linkType, bytes, reason) => {
    expect(segmentOf({ ...packet(0n, bytes), linkType })).toMatchObject({ reason });
  });

  test.each<[string, Uint8Array]>([
    ['UDP', edited(ipv4, 9, 17)],
    ['UDP', edited(ipv6, 6, 17)],
    ['SCTP', edited(ipv4, 9, 132)],
    ['IP protocol 200', edited(ipv4, 9, 200)],
    ['empty packets', hex()],
    ['no IP', hex('f0')],
  ])('%s is named, and no problem', (dropped, bytes) => {
    expect(segmentOf({ ...packet(0n, bytes), linkType: 101 })).toEqual({ dropped, reason: undefined });
  });

  test.each([
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['10:0:0:2:3:4:5:6', '10::2:3:4:5:6'],
    ['1:2:3:4:5:6:7:0', '1:2:3:4:5:6:7:0'],
    ['fe80:0:0:0:0:0:0:abcd', 'fe80::abcd'],
  ])('%s is written %s', (address, written) => {
    const bytes = tcpPacket({ ...ends(address, '::2'), sequence: 0, acknowledgment: 0, flags: 16 });
    expect(segmentOf({ ...packet(0n, bytes), linkType: 101 })).toMatchObject({ source: { address: written } });
  });
});

function segmentOf(captured: CapturedPacket): ReturnType<Network['segmentOf']> {
  return new Network().segmentOf(captured);
}

function read(bytes: Uint8Array): CaptureItem[] {
  const reader = new CaptureReader();
  return [...reader.push(bytes), ...reader.end()];
}

function packet(time: bigint, bytes: Uint8Array, originalLength = bytes.length): CapturedPacket {
  return { kind: 'packet', time, linkType: 1, bytes: Uint8Array.from(bytes), originalLength };
}

function section(order: Order): Bytes {
  const body = new Bytes(order).uint32(0x1a2b3c4d).uint16(1).uint16(0).uint32(0xffff_ffff).uint32(0xffff_ffff);
  return new Bytes(order).bytes(block(order, 0x0a0d0d0a, body.all));
}

function interfaceBlock(
  order: Order,
  {
    linkType = 1,
    snapLength = 0,
    resolution,
    offset,
  }: { linkType?: number; snapLength?: number; resolution?: number | undefined; offset?: bigint },
): Uint8Array {
  const body = new Bytes(order).uint16(linkType).uint16(0).uint32(snapLength);
  // A name first, which has to be stepped over.
  body.uint16(2).uint16(3).bytes(Buffer.from('eth')).pad();
  if (resolution !== undefined) body.uint16(9).uint16(1).bytes(Uint8Array.of(resolution)).pad();
  if (offset) body.uint16(14).uint16(8).int64(offset);
  return block(order, 1, body.uint16(0).uint16(0).all);
}

function block(order: Order, type: number, body: Uint8Array): Uint8Array {
  const length = body.length + 12;
  return new Bytes(order).uint32(type).uint32(length).bytes(body).uint32(length).all;
}

function ends(
  source: string,
  destination: string,
): { source: { address: string; port: number }; destination: { address: string; port: number } } {
  return { source: { address: source, port: 1 }, destination: { address: destination, port: 2 } };
}

function edited(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}
