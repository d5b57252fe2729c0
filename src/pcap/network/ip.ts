import { ByteReader } from '../byte-reader.ts';
import { type Dropped, dropped, inner, problem, type Step } from './layer.ts';

/** A packet of IP, or a part of one. */
export interface IpPacket {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Of what follows (iana.org/assignments/protocol-numbers). */
  readonly protocol: number;
  readonly payload: Uint8Array;
  /** Bytes of the payload that were on the wire and are not in the capture. */
  readonly missing: number;
  readonly fragment: Fragment | undefined;
}

/** Where a part belongs in its packet. */
export interface Fragment {
  readonly id: number;
  readonly offset: number;
  readonly hasMore: boolean;
}

/** Reads a header of IPv4 or IPv6. */
export function readIp(bytes: Uint8Array): IpPacket | Dropped {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4) return readIPv4(bytes);
  if (version === 6) return readIPv6(bytes);
  return dropped(bytes.length === 0 ? 'empty packets' : 'no IP');
}

/** RFC 791 §3.1. */
function readIPv4(bytes: Uint8Array): IpPacket | Dropped {
  const reader = new ByteReader(bytes);
  const headerLength = (reader.uint8() & 0x0f) * 4;
  reader.skip(1);
  // 0 where the network card was to fill it in (segmentation offload).
  const totalLength = reader.uint16() || bytes.length;
  const id = reader.uint16();
  const place = reader.uint16();
  reader.skip(1);
  const protocol = reader.uint8();
  reader.skip(2);
  const source = reader.bytes(4);
  const destination = reader.bytes(4);
  if (reader.failed || headerLength < 20 || totalLength < headerLength) {
    return brokenHeader('IPv4');
  }
  const payload = bytes.subarray(headerLength, totalLength);
  const fragment = { id, offset: (place & 0x1fff) * 8, hasMore: (place & 0x2000) !== 0 };
  return {
    source,
    destination,
    protocol,
    payload,
    missing: totalLength - headerLength - payload.length,
    fragment: fragment.hasMore || fragment.offset > 0 ? fragment : undefined,
  };
}

/** RFC 8200 §3. The headers that extend it follow as protocols of their own. */
function readIPv6(bytes: Uint8Array): IpPacket | Dropped {
  const reader = new ByteReader(bytes);
  reader.skip(4);
  const length = reader.uint16() || bytes.length - ipv6HeaderLength;
  const protocol = reader.uint8();
  reader.skip(1);
  const source = reader.bytes(16);
  const destination = reader.bytes(16);
  if (reader.failed) return brokenHeader('IPv6');
  const payload = bytes.subarray(ipv6HeaderLength, ipv6HeaderLength + length);
  const packet = { source, destination, protocol, payload, missing: length - payload.length, fragment: undefined };
  return untilFragment(packet);
}

/** RFC 8200 §4.1: the fragment header stands behind all that every router reads. */
function untilFragment(packet: IpPacket): IpPacket | Dropped {
  let { protocol, payload } = packet;
  while (extensionHeaders.has(protocol)) {
    const step = peelExtension(payload);
    if (!('protocol' in step)) return brokenHeader('IPv6');
    ({ protocol, bytes: payload } = step);
  }
  if (protocol !== Protocol.fragment) return { ...packet, protocol, payload };
  const reader = new ByteReader(payload);
  const following = reader.uint8();
  reader.skip(1);
  const place = reader.uint16();
  const id = reader.uint32();
  if (reader.failed) return brokenHeader('IPv6');
  const fragment = { id, offset: place & 0xfff8, hasMore: (place & 1) !== 0 };
  const rest = { ...packet, protocol: following, payload: reader.rest() };
  // RFC 6946: a packet may have the header and be whole.
  return fragment.hasMore || fragment.offset > 0 ? { ...rest, fragment } : rest;
}

/** What a protocol's number stands for. 'tcp': it is here. */
export function ofProtocol(protocol: number, bytes: Uint8Array): Step | 'tcp' {
  switch (protocol) {
    case Protocol.tcp:
      return 'tcp';
    case Protocol.udp:
      return inner('udp', bytes);
    case Protocol.ipv4:
    case Protocol.ipv6:
      return inner('ip', bytes);
    case Protocol.gre:
      return inner('gre', bytes);
    case Protocol.authentication:
      return peelAuthentication(bytes);
    case Protocol.etherIp:
      return inner('etherIp', bytes);
    case Protocol.ethernet:
      return inner('ethernet', bytes);
    case Protocol.mpls:
      return inner('mpls', bytes);
    default:
      if (extensionHeaders.has(protocol)) return peelExtension(bytes);
      return dropped(protocolNames.get(protocol) ?? `IP protocol ${protocol}`);
  }
}

/** RFC 8200 §4: what is next, and a length in units of 8 bytes behind the first 8. */
function peelExtension(bytes: Uint8Array): Step {
  const [protocol = 0, units = 0] = bytes;
  const length = (units + 1) * 8;
  if (length > bytes.length) return brokenHeader('IPv6');
  return { protocol, bytes: bytes.subarray(length) };
}

/** RFC 4302 §2.2 counts differently from all others. What it protects is in clear. */
function peelAuthentication(bytes: Uint8Array): Step {
  const [protocol = 0, units = 0] = bytes;
  const length = (units + 2) * 4;
  return length > bytes.length ? brokenHeader('IP') : { protocol, bytes: bytes.subarray(length) };
}

/** The same words for all headers of the Internet. */
function brokenHeader(name: string): Dropped {
  return problem(`an ${name} header is cut off or broken`, `packets with a broken ${name} header`);
}

const Protocol = {
  ipv4: 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  fragment: 44,
  gre: 47,
  authentication: 51,
  etherIp: 97,
  mpls: 137,
  ethernet: 143,
} as const;

/** Hop by hop, routing, destination, mobility, HIP, shim6. */
const extensionHeaders: ReadonlySet<number> = new Set([0, 43, 60, 135, 139, 140]);

const protocolNames = new Map<number, string>([
  [1, 'ICMP'],
  [2, 'IGMP'],
  [33, 'DCCP'],
  [44, 'IPv6 fragments'],
  [50, 'ESP'],
  [58, 'ICMPv6'],
  [59, 'IPv6 without more'],
  [88, 'EIGRP'],
  [89, 'OSPF'],
  [103, 'PIM'],
  [108, 'IPComp'],
  [112, 'VRRP'],
  [115, 'L2TPv3'],
  [132, 'SCTP'],
  [136, 'UDP-Lite'],
]);

const ipv6HeaderLength = 40;
