import { describe, expect, test } from 'vitest';
import { decrypt } from '../../src/keys.ts';
import type { CapturedPacket } from '../../src/pcap/capture-item.ts';
import type { Dropped } from '../../src/pcap/network/layer.ts';
import { Network, type TcpSegment } from '../../src/pcap/network.ts';
import { enhancedPacket, interfaceDescription, sectionHeader } from '../../src/pcap/pcapng-writer.ts';
import { capture, packetsOf } from '../dissect/captures.ts';
import { hex } from '../helpers/hex.ts';
import { inIp, ipv4, mac, onLinks, payload, udp } from './encapsulations.ts';

describe('what may stand around a packet', () => {
  test.each(inIp)('%s, in IP', (_, bytes) => {
    expect(segmentOf(bytes, 101)).toMatchObject({ source: { port: 1 }, payload });
  });

  test.each(onLinks)('%s', (_, linkType, bytes) => {
    expect(segmentOf(bytes, linkType)).toMatchObject({ source: { port: 1 }, payload });
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
    expect(segmentOf(bytes, 101)).toEqual({ dropped, reason: undefined });
  });

  test('what is encrypted or cut off is a problem', () => {
    const wifi = hex('0841', '0000', mac, '020000000003', '0000', 'ff'.repeat(20));
    expect(segmentOf(wifi, 105)).toEqual({ dropped: 'encrypted Wi-Fi frames', reason: 'Wi-Fi frames are encrypted' });
    for (const bytes of [udp(4789, hex('0800')), udp(6081, hex('3f00655800000700')), ipv4(47, hex('b0000800'))]) {
      expect(segmentOf(bytes, 101)).toMatchObject({
        dropped: expect.stringMatching(/broken|end within/),
        reason: expect.stringMatching(/cut off|ends within/),
      });
    }
  });

  test('layers end somewhere', () => {
    let bytes: Uint8Array = new Uint8Array();
    for (let depth = 0; depth < 40; depth++) bytes = ipv4(4, bytes);
    expect(segmentOf(bytes, 101)).toMatchObject({ dropped: 'packets with more layers than are looked into' });
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
