import { ByteReader } from './byte-reader.ts';
import type { CapturedPacket } from './capture-item.ts';

/** A TCP segment, with what was around it. */
export interface TcpSegment {
  readonly time: bigint;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly sequenceNumber: number;
  readonly syn: boolean;
  readonly ack: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  /** A view of what was captured. */
  readonly payload: Uint8Array;
  /** How long the payload was on the wire. */
  readonly payloadLength: number;
}

/** One end of a TCP connection. */
export interface Endpoint {
  /** IPv4 in dotted form, IPv6 as RFC 5952 §4 writes it. */
  readonly address: string;
  readonly port: number;
}

/** Finds the TCP segment in a packet. A string says why the packet cannot be used; undefined: it is something else than TCP. */
export function segmentOf(packet: CapturedPacket): TcpSegment | string | undefined {
  const network = networkLayer(packet.linkType, packet.bytes);
  if (network === undefined || typeof network === 'string') return network;
  const version = (network[0] ?? 0) >> 4;
  if (version === 4) return fromIPv4(packet.time, network);
  return version === 6 ? fromIPv6(packet.time, network) : undefined;
}

/** What stands behind the link layer's header, if that is IP. */
function networkLayer(linkType: number, bytes: Uint8Array): Uint8Array | string | undefined {
  const reader = new ByteReader(bytes);
  switch (linkType) {
    case LinkType.ethernet:
      reader.skip(12);
      return behindEtherType(reader);
    case LinkType.linuxCooked:
      reader.skip(14);
      return behindEtherType(reader);
    case LinkType.linuxCooked2: {
      const protocol = reader.uint16();
      reader.skip(18);
      return isIP(protocol) ? reader.rest() : behindVlan(protocol, reader);
    }
    case LinkType.null:
    case LinkType.loop:
      // The address family is in the byte order of the machine that captured; IP itself says which version it is.
      reader.skip(4);
      return reader.rest();
    case LinkType.raw:
    case LinkType.rawIPv4:
    case LinkType.rawIPv6:
    case LinkType.rawBsd:
    case LinkType.rawOpenBsd:
      return bytes;
    default:
      return `link type ${linkType} is not supported`;
  }
}

function behindEtherType(reader: ByteReader): Uint8Array | undefined {
  return behindVlan(reader.uint16(), reader);
}

/** Steps over tags of virtual networks (IEEE 802.1Q), of which there may be several. */
function behindVlan(etherType: number, reader: ByteReader): Uint8Array | undefined {
  let type = etherType;
  while (vlanTypes.includes(type) && reader.left >= 4) {
    reader.skip(2);
    type = reader.uint16();
  }
  return isIP(type) ? reader.rest() : undefined;
}

function isIP(etherType: number): boolean {
  return etherType === EtherType.ipv4 || etherType === EtherType.ipv6;
}

function fromIPv4(time: bigint, bytes: Uint8Array): TcpSegment | string | undefined {
  const reader = new ByteReader(bytes);
  const headerLength = (reader.uint8() & 0x0f) * 4;
  reader.skip(1);
  // 0 where the network card was to fill it in (segmentation offload).
  const totalLength = reader.uint16() || bytes.length;
  reader.skip(2);
  const fragment = reader.uint16() & 0x3fff;
  reader.skip(1);
  const protocol = reader.uint8();
  reader.skip(2);
  const source = reader.bytes(4);
  const destination = reader.bytes(4);
  if (reader.failed || headerLength < 20) return 'an IPv4 header is cut off or broken';
  if (protocol !== tcp) return undefined;
  if (fragment !== 0) return 'fragments of IPv4 packets are not supported';
  const ends = { source: source.join('.'), destination: destination.join('.') };
  return fromTcp(time, ends, bytes.subarray(headerLength, totalLength), totalLength - headerLength);
}

function fromIPv6(time: bigint, bytes: Uint8Array): TcpSegment | string | undefined {
  const reader = new ByteReader(bytes);
  reader.skip(4);
  const payloadLength = reader.uint16() || bytes.length - ipv6HeaderLength;
  let next = reader.uint8();
  reader.skip(1);
  const ends = { source: formatIPv6(reader.bytes(16)), destination: formatIPv6(reader.bytes(16)) };
  // Extension headers (RFC 8200 §4): the loop ends, as each takes 8 bytes or more.
  while (extensionHeaders.includes(next)) {
    const start = reader.offset;
    const following = reader.uint8();
    const units = reader.uint8();
    if (next === ExtensionHeader.fragment) {
      const fragment = reader.uint16() & 0xfff9;
      if (following === tcp && fragment !== 0) return 'fragments of IPv6 packets are not supported';
    }
    // RFC 4302 §2.2 counts differently from all others.
    const length = next === ExtensionHeader.authentication ? (units + 2) * 4 : (units + 1) * 8;
    reader.skip(start + (next === ExtensionHeader.fragment ? 8 : length) - reader.offset);
    next = following;
    if (reader.failed) break;
  }
  if (reader.failed) return 'an IPv6 header is cut off or broken';
  if (next !== tcp) return undefined;
  const length = payloadLength - (reader.offset - ipv6HeaderLength);
  return fromTcp(time, ends, bytes.subarray(reader.offset, reader.offset + Math.max(0, length)), length);
}

function fromTcp(
  time: bigint,
  ends: { source: string; destination: string },
  bytes: Uint8Array,
  length: number,
): TcpSegment | string {
  const reader = new ByteReader(bytes);
  const sourcePort = reader.uint16();
  const destinationPort = reader.uint16();
  const sequenceNumber = reader.uint32();
  reader.skip(4);
  const headerLength = (reader.uint8() >> 4) * 4;
  const flags = reader.uint8();
  if (reader.failed || headerLength < 20 || headerLength > length) return 'a TCP header is cut off or broken';
  return {
    time,
    source: { address: ends.source, port: sourcePort },
    destination: { address: ends.destination, port: destinationPort },
    sequenceNumber,
    syn: (flags & 0x02) !== 0,
    ack: (flags & 0x10) !== 0,
    fin: (flags & 0x01) !== 0,
    rst: (flags & 0x04) !== 0,
    payload: bytes.subarray(headerLength),
    payloadLength: length - headerLength,
  };
}

/** RFC 5952 §4: the longest run of zeros, if it has two groups or more, is left out. IPv4-mapped ones end in dotted form (§5). */
function formatIPv6(bytes: Uint8Array): string {
  const reader = new ByteReader(bytes);
  const groups = Array.from({ length: 8 }, () => reader.uint16().toString(16));
  const text = groups.join(':');
  if (text.startsWith('0:0:0:0:0:ffff:')) return `::ffff:${bytes.subarray(12).join('.')}`;
  const runs = text.match(/\b0(?::0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return text;
  const at = text.search(new RegExp(`(?:^|:)${longest}(?=:|$)`));
  const before = text.slice(0, at);
  const after = text.slice(at + longest.length + (text[at] === ':' ? 1 : 0));
  return `${before}::${after.replace(/^:/, '')}`;
}

const LinkType = {
  null: 0,
  ethernet: 1,
  rawBsd: 12,
  rawOpenBsd: 14,
  raw: 101,
  loop: 108,
  linuxCooked: 113,
  rawIPv4: 228,
  rawIPv6: 229,
  linuxCooked2: 276,
} as const;

const EtherType = { ipv4: 0x0800, ipv6: 0x86dd } as const;

/** 802.1Q, 802.1ad, and what came before it. */
const vlanTypes: readonly number[] = [0x8100, 0x88a8, 0x9100];

/** Numbers of protocols (iana.org/assignments/protocol-numbers). */
const tcp = 6;
const ExtensionHeader = { hopByHop: 0, routing: 43, fragment: 44, authentication: 51, destination: 60, mobility: 135 };
const extensionHeaders: readonly number[] = Object.values(ExtensionHeader);

const ipv6HeaderLength = 40;
