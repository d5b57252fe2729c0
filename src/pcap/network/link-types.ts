import { ByteReader } from '../byte-reader.ts';
import { ofEtherType } from './ether-types.ts';
import { behind, cutOff, dropped, inner, type LayerName, type Peel, problem, type Step } from './layer.ts';
import { peelAvs, peelPpi, peelPrism, peelRadiotap } from './wifi.ts';

/** Takes off what a capture's link type (www.tcpdump.org/linktypes.html) puts in front. */
export function peelLink(linkType: number, bytes: Uint8Array): Step {
  const peel = linkTypes.get(linkType);
  return peel === undefined
    ? problem(`link type ${linkType} is not supported`, `packets of link type ${linkType}`)
    : peel(bytes);
}

function plain(layer: LayerName): Peel {
  return (bytes) => inner(layer, bytes);
}

/** A header of always the same length. */
function skipping(length: number, layer: LayerName): Peel {
  return (bytes) => behind(layer, bytes, length);
}

/** Two addresses of Ethernet, a switch's tag of so many bytes, and the type. */
function tagged(length: number): Peel {
  return (bytes) => behind('etherType', bytes, 12 + length);
}

/** Linux cooked capture: an EtherType, or a number below them all (linux/if_ether.h), of which ETH_P_802_2 is LLC. */
function peelCooked(bytes: Uint8Array): Step {
  if (bytes.length < 16) return cutOff('Linux’ cooked capture');
  return ofCookedType((bytes[14] ?? 0) * 256 + (bytes[15] ?? 0), bytes.subarray(14));
}

/** The same, version 2: the type stands first. */
function peelCooked2(bytes: Uint8Array): Step {
  if (bytes.length < 20) return cutOff('Linux’ cooked capture');
  const typeFirst = new Uint8Array(bytes.length - 18);
  typeFirst.set(bytes.subarray(0, 2));
  typeFirst.set(bytes.subarray(20), 2);
  return ofCookedType((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0), typeFirst);
}

function ofCookedType(type: number, bytes: Uint8Array): Step {
  if (type === cookedLlc) return inner('llc', bytes.subarray(2));
  return type < firstEtherType ? dropped('frames of Linux that have no EtherType') : inner('etherType', bytes);
}

/**
 * Netfilter's log: pieces with a length and a type, in the order of the machine that captured. One is the packet, from the network layer on;
 * another has its EtherType, always with the greater byte first.
 */
function peelNflog(bytes: Uint8Array): Step {
  for (const endianness of ['little', 'big'] as const) {
    const pieces = nflogPieces(bytes.subarray(4), endianness);
    const payload = pieces?.get(NflogPiece.payload);
    if (payload === undefined) continue;
    const type = new ByteReader(pieces?.get(NflogPiece.header) ?? new Uint8Array()).uint16();
    return type === 0 ? inner('ip', payload) : ofEtherType(type, payload);
  }
  return cutOff('Netfilter’s log');
}

function nflogPieces(bytes: Uint8Array, endianness: 'little' | 'big'): Map<number, Uint8Array> | undefined {
  const reader = new ByteReader(bytes, endianness);
  const pieces = new Map<number, Uint8Array>();
  while (reader.left >= 4) {
    const length = reader.uint16();
    const type = reader.uint16() & 0x7fff;
    if (length < 4 || length - 4 > reader.left) return undefined;
    pieces.set(type, reader.bytes(length - 4));
    reader.skip(Math.min(reader.left, -length & 3));
  }
  return pieces;
}

/** OpenBSD's pf log: the header says its length, which is padded. */
function peelPflog(bytes: Uint8Array): Step {
  return behind('ip', bytes, ((bytes[0] ?? 0) + 3) & ~3 || 1);
}

/** macOS' PKTAP: a header of its own around any other link type. */
function peelPktap(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes, 'little');
  const length = reader.uint32();
  reader.skip(4);
  const linkType = reader.uint32();
  if (reader.failed || length < 12 || length > bytes.length) return cutOff('PKTAP');
  return linkType === Link.pktap ? dropped('PKTAP in PKTAP') : peelLink(linkType, bytes.subarray(length));
}

/** Token Ring (IEEE 802.5): the addresses may have a route behind them, which the source's highest bit tells. */
function peelTokenRing(bytes: Uint8Array): Step {
  const route = (bytes[8] ?? 0) & 0x80 ? (bytes[14] ?? 0) & 0x1f : 0;
  return behind('llc', bytes, 14 + route);
}

/** ATM (RFC 2684): LLC, or a bare NLPID as in Frame Relay. */
function peelAtm(bytes: Uint8Array): Step {
  return bytes[0] === 0xaa ? inner('llc', bytes) : dropped('ATM');
}

/** linux/netfilter/nfnetlink_log.h: NFULA_PACKET_HDR, NFULA_PAYLOAD. */
const NflogPiece = { header: 1, payload: 9 } as const;

const cookedLlc = 4;
const firstEtherType = 0x0600;

const Link = { pktap: 258 } as const;

const linkTypes = new Map<number, Peel>([
  // BSD's loopback: the address family is in the order of the machine that captured; IP itself says which version it is.
  [0, skipping(4, 'ip')],
  [1, plain('ethernet')],
  [6, peelTokenRing],
  [8, skipping(16, 'ip')],
  [9, plain('ppp')],
  // FDDI.
  [10, skipping(13, 'llc')],
  // Raw IP, as several systems number it.
  [12, plain('ip')],
  [14, plain('ip')],
  [50, plain('hdlc')],
  [51, plain('pppoe')],
  [100, peelAtm],
  [101, plain('ip')],
  [104, plain('hdlc')],
  [105, plain('wifi')],
  [107, plain('frameRelay')],
  [108, skipping(4, 'ip')],
  // OpenBSD's enc: address family, SPI and flags.
  [109, skipping(12, 'ip')],
  // Linux cooked capture.
  [113, peelCooked],
  [117, peelPflog],
  [119, peelPrism],
  [127, peelRadiotap],
  // IP over IEEE 1394.
  [138, skipping(16, 'etherType')],
  [163, peelAvs],
  // PPP, Cisco HDLC and Frame Relay with a byte for the direction.
  [166, skipping(1, 'ppp')],
  [192, (bytes) => peelPpi(bytes, (linkType, rest) => peelLink(linkType, rest))],
  [204, skipping(1, 'ppp')],
  [205, skipping(1, 'hdlc')],
  [206, skipping(1, 'frameRelay')],
  [219, plain('mpls')],
  // Solaris' ipnet.
  [226, skipping(24, 'ip')],
  [228, plain('ip')],
  [229, plain('ip')],
  [239, peelNflog],
  // netANALYZER: with a header, and with the preamble too.
  [240, skipping(4, 'ethernet')],
  [241, skipping(12, 'ethernet')],
  [Link.pktap, peelPktap],
  [274, skipping(8, 'ethernet')],
  [276, peelCooked2],
  // Tags of switch chips (DSA) between the addresses and the type, or in front of them.
  [281, tagged(4)],
  [282, skipping(4, 'ethernet')],
  [284, tagged(4)],
  [285, tagged(8)],
]);
