import { readFileSync } from 'node:fs';
import type { DecryptionEvent } from '../../src/dissect/conversation.ts';
import { type DecryptOptions, decryptEvents } from '../../src/keys.ts';
import type { CapturedPacket } from '../../src/pcap/capture-item.ts';
import { CaptureReader } from '../../src/pcap/capture-reader.ts';
import { Network, type TcpSegment } from '../../src/pcap/network.ts';
import { enhancedPacket, interfaceDescription, LINKTYPE_RAW, sectionHeader } from '../../src/pcap/pcapng-writer.ts';
import { TcpFlag, tcpPacket } from '../../src/pcap/tcp-segment.ts';

/**
 * Captures of OpenSSL 3.0's s_client and s_server on loopback, by dumpcap, and the key logs that s_client wrote (SSL_CTX_set_keylog_callback).
 * Each end says `one from the …`, then the client `two from the client`.
 */
export type CaptureName =
  | 'tls12-gcm'
  | 'tls12-cbc'
  | 'tls12-cbc-encrypt-then-mac'
  | 'tls13-key-update'
  | 'tls13-retry'
  | 'tls13-early-data'
  | 'tls12-renegotiation'
  | 'tls12-ccm'
  | 'tls13-ccm'
  | 'tls11';

export function capture(name: CaptureName): { file: URL; bytes: Uint8Array; keyLog: string } {
  const at = (ending: string): URL => new URL(`captures/${name}.${ending}`, import.meta.url);
  return { file: at('pcap'), bytes: readFileSync(at('pcap')), keyLog: readFileSync(at('keylog'), 'utf8') };
}

export function packetsOf(bytes: Uint8Array): CapturedPacket[] {
  return new CaptureReader().push(bytes).filter((item) => item.kind === 'packet');
}

export function segmentsOf(bytes: Uint8Array): TcpSegment[] {
  const network = new Network();
  return packetsOf(bytes).flatMap((packet) => {
    const segment = network.segmentOf(packet);
    return segment === undefined || 'dropped' in segment ? [] : [segment];
  });
}

/** The segments as a capture of their own, in the order given. */
export function captureOf(segments: readonly TcpSegment[]): Uint8Array {
  const packets = segments.map((segment) => {
    const flags =
      (segment.syn ? TcpFlag.syn : 0) |
      (segment.ack ? TcpFlag.ack : 0) |
      (segment.fin ? TcpFlag.fin : 0) |
      (segment.rst ? TcpFlag.rst : 0);
    const { source, destination, sequenceNumber: sequence, payload, time } = segment;
    return enhancedPacket({
      time,
      packet: tcpPacket({ source, destination, sequence, acknowledgment: 0, flags, payload }),
    });
  });
  return Buffer.concat([sectionHeader(), interfaceDescription({ linkType: LINKTYPE_RAW }), ...packets]);
}

export async function eventsOf(bytes: Uint8Array, options: DecryptOptions = {}): Promise<DecryptionEvent[]> {
  const events: DecryptionEvent[] = [];
  for await (const event of decryptEvents(bytes, options)) events.push(event);
  return events;
}
