import { describe, expect, test } from 'vitest';
import type { CapturedPacket } from '../../src/capture/capture-item.ts';
import type { Dropped } from '../../src/capture/network/layer.ts';
import { Network, type TcpSegment } from '../../src/capture/network.ts';
import { enhancedPacket, interfaceDescription, sectionHeader } from '../../src/keys/pcapng-writer.ts';
import { tcpPacket } from '../../src/keys/tcp-segment.ts';
import { decrypt } from '../../src/keys.ts';
import { hex } from '../helpers/hex.ts';
import { capture, packetsOf } from './captures.ts';

const payload = Buffer.from('seven..');
const inside = tcpPacket({
  source: { address: '192.0.2.1', port: 1 },
  destination: { address: '198.51.100.7', port: 2 },
  sequence: 9,
  acknowledgment: 0,
  flags: 16,
  payload,
});
const mac = '020000000001020000000002';
const frame = Buffer.concat([hex(mac, '0800'), inside]);

describe('what may stand around a packet', () => {
  test.each<[string, Uint8Array]>([
    ['VXLAN', udp(4789, hex('0800000000000700'), frame)],
    ['VXLAN at Linux’ old port', udp(8472, hex('0800000000000700'), frame)],
    ['VXLAN-GPE with IP', udp(4790, hex('0c00000100000700'), inside)],
    ['VXLAN-GPE with NSH', udp(4790, hex('0c00000400000700', '0fc20103', '000001ff', '00'.repeat(0)), frame)],
    ['Geneve with an option', udp(6081, hex('0100655800000700', '0102800000'.slice(0, 8)), frame)],
    ['Geneve with IP', udp(6081, hex('0000080000000700'), inside)],
    ['GTP-U', udp(2152, hex('30ff002f00000001'), inside)],
    ['GTP-U with extension headers', udp(2152, hex('34ff002f00000001', '00000085', '01100100'), inside)],
    ['L2TP', udp(1701, hex('40020000', '00010001'.repeat(1), 'ff030021'), inside)],
    ['Teredo, with who sent it', udp(3544, hex('00001234c0000201'), inside)],
    ['GUE', udp(6080, hex('00040000'), inside)],
    ['TZSP', udp(37008, hex('01000001', '00', '0a0155', '01'), frame)],
    ['GRE in UDP', udp(4754, hex('00000800'), inside)],
    ['MPLS in UDP', udp(6635, hex('00064140'), inside)],
    ['GRE', ipv4(47, hex('00000800'), inside)],
    ['GRE with a checksum, a key and a number', ipv4(47, hex('b0000800', '00000000', '00000007', '00000001'), inside)],
    ['GRE with Ethernet', ipv4(47, hex('00006558'), frame)],
    ['PPTP', ipv4(47, hex('3081880b', '002f0001', '00000001', '00000001', 'ff030021'), inside)],
    ['ERSPAN, type I', ipv4(47, hex('000088be'), frame)],
    ['ERSPAN, type II', ipv4(47, hex('100088be', '00000001', '1001000000000000'), frame)],
    ['ERSPAN, type III', ipv4(47, hex('100022eb', '00000001', '20010000', '00000000', '00000000'), frame)],
    ['IP in IP', ipv4(4, inside)],
    ['EtherIP', ipv4(97, hex('3000'), frame)],
    ['MPLS in IP', ipv4(137, hex('00064140'), inside)],
    ['an authentication header', ipv4(51, hex('04040000', '00000001', '00000001', '00'.repeat(12)), inside)],
    ['tunnels in tunnels', udp(4789, hex('0800000000000700', mac, '0800'), ipv4(47, hex('00000800'), inside))],
  ])('%s, in IP', (_, bytes) => {
    expect(segmentOf(bytes, 101)).toMatchObject({ source: { address: '192.0.2.1', port: 1 }, payload });
  });

  test.each<[string, number, Uint8Array]>([
    ['MPLS, two labels', 1, hex(mac, '8847', '0006404000065140')],
    ['MPLS with Ethernet behind a control word', 1, hex(mac, '8848', '00065140', '00000000', mac, '0800')],
    ['PPPoE', 1, hex(mac, '8864', '11000001ffff', '0021')],
    ['SNAP', 1, hex(mac, '0037', 'aaaa03000000', '0800')],
    ['LLC', 1, hex(mac, '0032', '060603')],
    ['a tag of 802.1BR', 1, hex(mac, '893f', '000000000000', '0800')],
    ['PPP', 9, hex('ff030021')],
    ['PPP with a short protocol', 9, hex('21')],
    ['SLIP', 8, hex('00'.repeat(16))],
    ['FDDI', 10, hex('50', mac, 'aaaa03000000', '0800')],
    ['Token Ring with a route', 6, hex('1040', '020000000001', '820000000002', '0430', '0000', 'aaaa03000000', '0800')],
    ['PPP in HDLC framing', 50, hex('ff030021')],
    ['Cisco HDLC', 104, hex('0f000800')],
    ['PPPoE alone', 51, hex('11000001ffff', '0021')],
    ['ATM', 100, hex('aaaa03000000', '0800')],
    ['Frame Relay', 107, hex('184103cc')],
    ['Wi-Fi', 105, hex('0801', '0000', mac, '020000000003', '0000', 'aaaa03000000', '0800')],
    [
      'Wi-Fi with quality of service',
      105,
      hex('8801', '0000', mac, '020000000003', '0000', '0000', 'aaaa03000000', '0800'),
    ],
    [
      'radiotap, with a padded header',
      127,
      hex(
        '00000900',
        '02000000',
        '20',
        '8801',
        '0000',
        mac,
        '020000000003',
        '0000',
        '0000',
        '0000',
        'aaaa03000000',
        '0800',
      ),
    ],
    [
      'AVS',
      163,
      hex('80211001', '00000040', '00'.repeat(56), '0801', '0000', mac, '020000000003', '0000', 'aaaa03000000', '0800'),
    ],
    ['PPI', 192, hex('00000800', '01000000', mac, '0800')],
    ['OpenBSD’s pf log', 117, hex('3d', '00'.repeat(63))],
    ['OpenBSD’s enc', 109, hex('00'.repeat(12))],
    ['PPP with a direction', 204, hex('01', 'ff030021')],
    ['IP over IEEE 1394', 138, hex('00'.repeat(16), '0800')],
    ['MPLS alone', 219, hex('00065140')],
    [
      'Netfilter’s log, little endian',
      239,
      hex('02000000', '08000100', '00080000', '05000a00', '61000000', '33000900'),
    ],
    ['Netfilter’s log, big endian', 239, hex('02000000', '0033', '0009')],
    ['macOS’ PKTAP', 258, hex('0c000000', '01000000', '01000000', mac, '0800')],
    ['a switch’s tag', 285, hex(mac, 'dada0000c0010000', '0800')],
    ['netANALYZER', 240, hex('00000000', mac, '0800')],
    ['ipnet', 226, hex('00'.repeat(24))],
  ])('%s', (_, linkType, header) => {
    expect(segmentOf(Buffer.concat([header, inside]), linkType)).toMatchObject({ source: { port: 1 }, payload });
  });

  test.each<[string, Uint8Array]>([
    ['UDP in VXLAN', udp(4789, hex('0800000000000700', mac, '0800'), ipv4(17, hex('0001000200080000')))],
    ['ARP in VXLAN', udp(4789, hex('0800000000000700', mac, '0806'))],
    ['ESP', ipv4(50, hex('0000000100000001'))],
    ['GTP-U signalling', udp(2152, hex('3201000400000000', '00000000'))],
    ['L2TPv3', ipv4(115, hex('00000001'))],
    ['QUIC (UDP)', udp(443, hex('c0'))],
    ['DNS', udp(53, hex('00'))],
  ])('%s is named', (dropped, bytes) => {
    expect(segmentOf(bytes, 101)).toEqual({ dropped, isProblem: false });
  });

  test('what is encrypted or cut off is a problem', () => {
    const wifi = hex('0841', '0000', mac, '020000000003', '0000', 'ff'.repeat(20));
    expect(segmentOf(wifi, 105)).toEqual({ dropped: 'Wi-Fi frames are encrypted', isProblem: true });
    for (const bytes of [udp(4789, hex('0800')), udp(6081, hex('3f00655800000700')), ipv4(47, hex('b0000800'))]) {
      expect(segmentOf(bytes, 101)).toMatchObject({ isProblem: true });
    }
  });

  test('layers end somewhere', () => {
    let bytes: Uint8Array = inside;
    for (let depth = 0; depth < 40; depth++) bytes = ipv4(4, bytes);
    expect(segmentOf(bytes, 101)).toMatchObject({ dropped: 'packets within more layers than are looked into' });
  });
});

test('a connection in a tunnel is decrypted, and what is besides it is counted', async () => {
  const { bytes, keyLog } = capture('tls13-retry');
  const packets = packetsOf(bytes).map(({ bytes: packet, time }) =>
    enhancedPacket({ time, packet: udp(4789, hex('0800000000000700'), packet) }),
  );
  const others = [udp(53, hex('00')), udp(53, hex('00')), ipv4(50, hex('00'))].map((packet) =>
    enhancedPacket({ time: 0n, packet }),
  );
  const head = [sectionHeader(), interfaceDescription({ linkType: 101 })];
  const { conversations, unused } = await decrypt(Buffer.concat([...head, ...packets, ...others]), { keyLog });
  expect(conversations).toMatchObject([{ version: 'TLSv1.3', problems: [] }]);
  expect(unused).toEqual([
    { what: 'DNS', count: 2 },
    { what: 'ESP', count: 1 },
  ]);
});

function segmentOf(bytes: Uint8Array, linkType: number): TcpSegment | Dropped | undefined {
  const packet: CapturedPacket = { kind: 'packet', time: 0n, linkType, bytes, originalLength: bytes.length };
  const segment = new Network().segmentOf(packet);
  return segment && 'payload' in segment ? { ...segment, payload: Buffer.from(segment.payload) } : segment;
}

function udp(port: number, ...pieces: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(pieces);
  const header = Buffer.alloc(8);
  header.writeUInt16BE(40000, 0);
  header.writeUInt16BE(port, 2);
  header.writeUInt16BE(body.length + 8, 4);
  return ipv4(17, header, body);
}

function ipv4(protocol: number, ...pieces: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(pieces);
  const header = Buffer.from(hex('4500', '0000', '0000', '0000', '40', '00', '0000', '0a000001', '0a000002'));
  header.writeUInt16BE(body.length + header.length, 2);
  header[9] = protocol;
  return Buffer.concat([header, body]);
}
