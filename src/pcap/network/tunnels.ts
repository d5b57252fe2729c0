import { ByteReader } from '../byte-reader.ts';
import { ofEtherType } from './ether-types.ts';
import { behind, cutOff, dropped, inner, type LayerName, type Step } from './layer.ts';

/** UDP (RFC 768): the port says which tunnel it is, if it is one. */
export function peelUdp(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes);
  const [from, to] = [reader.uint16(), reader.uint16()];
  reader.skip(4);
  if (reader.failed) return dropped('UDP');
  const layer = tunnelPorts.get(to) ?? tunnelPorts.get(from);
  if (layer !== undefined) return inner(layer, reader.rest());
  return dropped(portNames.get(to) ?? portNames.get(from) ?? 'UDP');
}

/** GRE (RFC 2784, with RFC 2890's key and number, and version 1 of PPTP, RFC 2637 §4.1). */
export function peelGre(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes);
  const flags = reader.uint16();
  const type = reader.uint16();
  if (flags & GreFlag.checksum || flags & GreFlag.routing) reader.skip(4);
  if (flags & GreFlag.key) reader.skip(4);
  if (flags & GreFlag.sequence) reader.skip(4);
  if ((flags & GreFlag.version) === 1 && flags & GreFlag.acknowledgment) reader.skip(4);
  if (reader.failed) return cutOff('GRE');
  if (flags & GreFlag.routing) return dropped('GRE with routes');
  if (type === erspan2)
    return (flags & GreFlag.sequence) === 0 ? inner('ethernet', reader.rest()) : behindErspan(reader, 8);
  if (type === erspan3) return behindErspan(reader, 12 + ((bytes.at(11 - reader.left) ?? 0) & 1 ? 8 : 0));
  return ofEtherType(type, reader.rest());
}

/** Mirrored frames (draft-foschiano-erspan). */
function behindErspan(reader: ByteReader, length: number): Step {
  return behind('ethernet', reader.rest(), length);
}

/** RFC 7348 §5. The flag says that there is a network's number, without which it is something else. */
export function peelVxlan(bytes: Uint8Array): Step {
  return (bytes[0] ?? 0) & 8 ? behind('ethernet', bytes, 8) : dropped('UDP');
}

/** The same with a type (draft-ietf-nvo3-vxlan-gpe §3.1). */
export function peelVxlanGpe(bytes: Uint8Array): Step {
  const hasType = ((bytes[0] ?? 0) & 4) !== 0;
  const layer = hasType ? gpeProtocols.get(bytes[3] ?? 0) : 'ethernet';
  return layer === undefined ? dropped('VXLAN-GPE') : behind(layer, bytes, 8);
}

/** RFC 8926 §3.4. */
export function peelGeneve(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes);
  const options = (reader.uint8() & 0x3f) * 4;
  reader.skip(1);
  const type = reader.uint16();
  reader.skip(4 + options);
  return reader.failed ? cutOff('Geneve') : ofEtherType(type, reader.rest());
}

/** GTP-U (3GPP TS 29.281 §5): messages of type G-PDU hold a packet, behind any number of extension headers. */
export function peelGtpu(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes);
  const flags = reader.uint8();
  const type = reader.uint8();
  reader.skip(6);
  if (flags >> 5 !== 1 || (flags & 0x10) === 0) return dropped('GTP');
  if (type !== 255) return dropped('GTP-U signalling');
  if (flags & 7) {
    reader.skip(3);
    let next = reader.uint8();
    while (next !== 0 && (flags & 4) !== 0 && !reader.failed) {
      const words = reader.uint8();
      reader.skip(Math.max(1, words) * 4 - 2);
      next = reader.uint8();
    }
  }
  return reader.failed ? cutOff('GTP-U') : inner('ip', reader.rest());
}

/** L2TP, version 2 (RFC 2661 §3.1). Version 3 does not say how long its header is. */
export function peelL2tp(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes);
  const flags = reader.uint16();
  if ((flags & 0x0f) !== 2) return dropped('L2TPv3');
  if (flags & 0x8000) return dropped('L2TP control');
  reader.skip(4 + (flags & 0x4000 ? 2 : 0) + (flags & 0x0800 ? 4 : 0));
  if (flags & 0x0200) reader.skip(reader.uint16());
  return reader.failed ? cutOff('L2TP') : inner('ppp', reader.rest());
}

/** IPv6 in UDP (RFC 4380 §5.1.1), behind indications of who sent it. */
export function peelTeredo(bytes: Uint8Array): Step {
  let at = 0;
  if (bytes[0] === 0 && bytes[1] === 1) at += 13 + (bytes[2] ?? 0) + (bytes[3] ?? 0);
  if (bytes[at] === 0 && bytes[at + 1] === 0) at += 8;
  return behind('ip', bytes, at);
}

/** Generic UDP Encapsulation (draft-ietf-intarea-gue §3): a number of IP's table, or IP itself. */
export function peelGue(bytes: Uint8Array): Step {
  const [first = 0, protocol = 0] = bytes;
  if (first >> 6 === 1) return inner('ip', bytes);
  if (first >> 5 !== 0) return dropped('GUE control');
  const length = 4 + (first & 0x1f) * 4;
  return length > bytes.length ? cutOff('GUE') : { protocol, bytes: bytes.subarray(length) };
}

/** TaZmen Sniffer Protocol: tags up to one that ends them, then a frame. */
export function peelTzsp(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes);
  reader.skip(2);
  const protocol = reader.uint16();
  for (let tag = reader.uint8(); tag !== 1 && !reader.failed; tag = reader.uint8()) {
    if (tag !== 0) reader.skip(reader.uint8());
  }
  if (reader.failed) return cutOff('TZSP');
  if (protocol === 1) return inner('ethernet', reader.rest());
  return protocol === 18 ? inner('wifi', reader.rest()) : dropped('TZSP');
}

/** LISP (RFC 9300 §5.1): a header of always the same length. */
export function peelLisp(bytes: Uint8Array): Step {
  return behind('ip', bytes, 8);
}

/** CAPWAP (RFC 5415 §4.3), of its data what is neither encrypted nor in fragments: frames of Ethernet or of Wi-Fi. */
export function peelCapwap(bytes: Uint8Array): Step {
  const [preamble, first = 0, second = 0, flags = 0] = bytes;
  if (preamble !== 0) return dropped('CAPWAP that is encrypted');
  if (flags & 0x80) return dropped('CAPWAP fragments');
  const start = (first >> 3) * 4;
  return second & 1 ? inner('wifi', swappedBack(bytes.subarray(start))) : behind('ethernet', bytes, start);
}

/** Cisco's access points have the first two bytes of a Wi-Fi frame the other way round: one of them says that it is a data frame. */
function swappedBack(frame: Uint8Array): Uint8Array {
  const [one = 0, other = 0] = frame;
  if ((one & 0x0f) === dataFrame || (other & 0x0f) !== dataFrame) return frame;
  const back = frame.slice();
  back.set([other, one]);
  return back;
}

/** RFC 3378 §3: a version, and zeros. */
export function peelEtherIp(bytes: Uint8Array): Step {
  return (bytes[0] ?? 0) >> 4 === 3 ? behind('ethernet', bytes, 2) : dropped('EtherIP');
}

/** iana.org/assignments/service-names-port-numbers; 8472 is what Linux took for VXLAN before it had a number. */
const tunnelPorts = new Map<number, LayerName>([
  [1701, 'l2tp'],
  [2152, 'gtpu'],
  [3544, 'teredo'],
  [4341, 'lisp'],
  [4754, 'gre'],
  [4789, 'vxlan'],
  [4790, 'vxlanGpe'],
  [5247, 'capwap'],
  [6080, 'gue'],
  [6081, 'geneve'],
  [6635, 'mpls'],
  [8472, 'vxlan'],
  [37008, 'tzsp'],
]);

/** What is no tunnel that can be looked into, and common. */
const portNames = new Map<number, string>([
  [53, 'DNS'],
  [67, 'DHCP'],
  [123, 'NTP'],
  [443, 'QUIC (UDP)'],
  [500, 'IKE'],
  [546, 'DHCP'],
  [547, 'DHCP'],
  [1194, 'OpenVPN'],
  [4500, 'ESP'],
  [5353, 'DNS'],
  [51820, 'WireGuard'],
]);

const gpeProtocols = new Map<number, LayerName>([
  [1, 'ip'],
  [2, 'ip'],
  [3, 'ethernet'],
  [4, 'nsh'],
  [5, 'mpls'],
]);

const GreFlag = {
  checksum: 0x8000,
  routing: 0x4000,
  key: 0x2000,
  sequence: 0x1000,
  acknowledgment: 0x0080,
  version: 0x0007,
} as const;

/** Version 0, type 2 (IEEE 802.11 §9.2.4.1). */
const dataFrame = 0x08;
const erspan2 = 0x88be;
const erspan3 = 0x22eb;
