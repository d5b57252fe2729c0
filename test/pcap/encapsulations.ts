import { tcpPacket } from '../../src/pcap/tcp-segment.ts';
import { hex } from '../helpers/hex.ts';

/** What is in each of the packets. */
export const payload = Buffer.from('seven..');
/** All from port 1. */
const segment = { sequence: 9, acknowledgment: 0, flags: 16, payload };
const inside = tcpPacket({
  ...segment,
  source: { address: '192.0.2.1', port: 1 },
  destination: { address: '198.51.100.7', port: 2 },
});
const inside6 = tcpPacket({
  ...segment,
  source: { address: '2001:db8::1', port: 1 },
  destination: { address: '2001:db8::2', port: 2 },
});
export const mac = '020000000001020000000002';
const frame = Buffer.concat([hex(mac, '0800'), inside]);

/** A packet within others, all of them of IP. */
export const inIp: readonly [string, Uint8Array][] = [
  ['VXLAN', udp(4789, hex('0800000000000700'), frame)],
  ['VXLAN at Linux’ old port', udp(8472, hex('0800000000000700'), frame)],
  ['VXLAN-GPE with IP', udp(4790, hex('0c00000100000700'), inside)],
  ['VXLAN-GPE with NSH', udp(4790, hex('0c00000400000700', '0fc20203', '000001ff'), frame)],
  ['Geneve with an option', udp(6081, hex('0100655800000700', '0102800000'.slice(0, 8)), frame)],
  ['Geneve with IP', udp(6081, hex('0000080000000700'), inside)],
  ['GTP-U', udp(2152, hex('30ff002f00000001'), inside)],
  ['GTP-U with extension headers', udp(2152, hex('34ff003700000001', '00000085', '01100100'), inside)],
  ['L2TP', udp(1701, hex('4002003b', '00010001', 'ff030021'), inside)],
  ['Teredo, with who sent it', udp(3544, hex('00001234c0000201'), inside6)],
  ['GUE', udp(6080, hex('00040000'), inside)],
  ['TZSP', udp(37008, hex('01000001', '00', '0a0155', '01'), frame)],
  ['LISP', udp(4341, hex('0800000000000001'), inside)],
  ['CAPWAP with Ethernet', udp(5247, hex('0010000000000000'), frame)],
  [
    'CAPWAP with Wi-Fi',
    udp(5247, hex('0010030000000000', '0801', '0000', mac, '020000000003', '0000', 'aaaa03000000', '0800'), inside),
  ],
  [
    'CAPWAP with Wi-Fi, as Cisco has it',
    udp(5247, hex('0010030000000000', '0108', '0000', mac, '020000000003', '0000', 'aaaa03000000', '0800'), inside),
  ],
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
];

/** A packet as links of different types carry it: the type, and what stands in front. */
const headers: readonly [string, number, Uint8Array][] = [
  ['MPLS, two labels', 1, hex(mac, '8847', '0006404000065140')],
  ['MPLS with Ethernet behind a control word', 1, hex(mac, '8848', '00065140', '00000005', mac, '0800')],
  ['PPPoE', 1, hex(mac, '8864', '11000001ffff', '0021')],
  ['SNAP', 1, hex(mac, '0037', 'aaaa03000000', '0800')],
  ['LLC', 1, hex(mac, '0032', '060603')],
  ['802.1ah', 1, hex(mac, '88e7', '00000007', mac, '0800')],
  ['MACsec that does not encrypt', 1, hex(mac, '88e5', '2000', '00000001', '0200000000010001', '0800')],
  ['HSR', 1, hex(mac, '892f', '00350001', '0800')],
  ['802.1CB', 1, hex(mac, 'f1c1', '00000001', '0800')],
  ['TRILL', 1, hex(mac, '22f3', '003f', '0001', '0002', mac, '0800')],
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
  ['OpenBSD’s pf log', 117, hex('3d02', '00'.repeat(62))],
  ['OpenBSD’s enc', 109, hex('02000000', '00'.repeat(8))],
  ['PPP with a direction', 204, hex('01', 'ff030021')],
  ['IP over IEEE 1394', 138, hex('00'.repeat(16), '0800')],
  ['Linux cooked, with LLC', 113, hex('0000', '0001', '0006', '0200000000010000', '0004', 'aaaa03000000', '0800')],
  [
    'Linux cooked 2, with LLC',
    276,
    hex('0004', '0000', '00000001', '0001', '00', '06', '0200000000010000', 'aaaa03000000', '0800'),
  ],
  ['MPLS alone', 219, hex('00065140')],
  ['Netfilter’s log, little endian', 239, hex('02000000', '08000100', '08000000', '05000a00', '61000000', '33000900')],
  ['Netfilter’s log, big endian', 239, hex('02000000', '0008', '0001', '08000000', '0033', '0009')],
  ['macOS’ PKTAP', 258, hex('6c000000', '01000000', '01000000', '00'.repeat(96), mac, '0800')],
  ['a switch’s tag', 285, hex(mac, 'dada0000c0010000', '0800')],
  ['netANALYZER', 240, hex('00000000', mac, '0800')],
  ['ipnet', 226, hex('0102', '0000', '0000002f', '00'.repeat(16))],
];

export const onLinks: readonly [string, number, Uint8Array][] = headers.map(([name, linkType, header]) => [
  name,
  linkType,
  // Ethernet may pad what it carries, or end with its check sequence.
  Buffer.concat([header, inside, new Uint8Array(linkType === 240 ? 4 : 0)]),
]);

export function udp(port: number, ...pieces: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(pieces);
  const header = Buffer.alloc(8);
  header.writeUInt16BE(40000, 0);
  header.writeUInt16BE(port, 2);
  header.writeUInt16BE(body.length + 8, 4);
  return ipv4(17, header, body);
}

export function ipv4(protocol: number, ...pieces: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(pieces);
  const header = Buffer.from(hex('4500', '0000', '0000', '0000', '40', '00', '0000', '0a000001', '0a000002'));
  header.writeUInt16BE(body.length + header.length, 2);
  header[9] = protocol;
  return Buffer.concat([header, body]);
}
