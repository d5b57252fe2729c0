import { ByteReader } from '../byte-reader.ts';
import { behind, cutOff, dropped, type Inner, inner, type LayerName, type Step } from './layer.ts';

/** Ethernet II (IEEE 802.3 §3): two addresses in front of the type. */
export function peelEthernet(bytes: Uint8Array): Step {
  return behind('etherType', bytes, 12);
}

/** The type, with tags of virtual networks and of switches in front of it, of which there may be several. */
export function peelEtherType(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes);
  for (;;) {
    const type = reader.uint16();
    if (reader.failed) return dropped('frames without a type');
    const tag = tags.get(type);
    if (tag === undefined) return ofEtherType(type, reader.rest());
    reader.skip(tag);
    if (reader.failed) return cutOff('a network’s tag');
  }
}

/** What an EtherType stands for (iana.org/assignments/ieee-802-numbers). */
export function ofEtherType(type: number, bytes: Uint8Array): Step {
  const layer = layers.get(type);
  if (layer !== undefined) return inner(layer, bytes);
  if (type === backbone) return behind('ethernet', bytes, 4);
  // IEEE 802.3 §3.2.6: up to here it is a length, and LLC follows.
  if (type <= longestFrame) return inner('llc', bytes.subarray(0, type));
  return dropped(names.get(type) ?? `EtherType 0x${type.toString(16).padStart(4, '0')}`);
}

/** IEEE 802.2 LLC, which has an EtherType with SNAP only. */
export function peelLlc(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes);
  const [destination, source, control] = [reader.uint8(), reader.uint8(), reader.uint8()];
  if (control === 3 && destination === ipSap && source === ipSap) return inner('ip', reader.rest());
  if (control !== 3 || destination !== snapSap || source !== snapSap) return dropped('LLC');
  const organization = reader.uint24();
  const type = reader.uint16();
  if (reader.failed) return cutOff('SNAP');
  if (organization === 0) return ofEtherType(type, reader.rest());
  return bridged(organization, type, reader.rest()) ?? dropped('SNAP');
}

/** RFC 2684 §5.2: frames of Ethernet that a bridge sends over something else, with their check sequence or without. */
function bridged(organization: number, type: number, bytes: Uint8Array): Inner | undefined {
  if (organization !== 0x0080c2) return undefined;
  return type === 1 || type === 7 ? inner('ethernet', bytes) : undefined;
}

/** Labels (RFC 3032 §2.1) up to the last. Nothing says what is behind them: IP shows by its version, or it is a wire (RFC 4448). */
export function peelMpls(bytes: Uint8Array): Step {
  for (let end = 4; end <= bytes.length; end += 4) {
    const isLast = ((bytes[end - 2] ?? 0) & 1) !== 0;
    if (!isLast) continue;
    const version = (bytes[end] ?? 0) >> 4;
    if (version === 4 || version === 6) return inner('ip', bytes.subarray(end));
    // RFC 4385 §3: the control word begins with 0.
    return version === 0 ? behind('ethernet', bytes, end + 4) : inner('ethernet', bytes.subarray(end));
  }
  return cutOff('MPLS');
}

/** Network Service Header (RFC 8300 §2). */
export function peelNsh(bytes: Uint8Array): Step {
  const length = ((bytes[1] ?? 0) & 0x3f) * 4;
  const next = nshProtocols.get(bytes[3] ?? 0);
  if (length < 8) return cutOff('NSH');
  return next === undefined ? dropped('NSH') : behind(next, bytes, length);
}

/** MACsec (IEEE 802.1AE §9.3), which may protect without encrypting: an identifier is optional, and a check value stands at the end. */
export function peelMacsec(bytes: Uint8Array): Step {
  const [control = 0] = bytes;
  if (control & 0x0c) return dropped('MACsec');
  return behind('etherType', bytes, control & 0x20 ? 14 : 6);
}

/** TRILL (RFC 6325 §3.1): options in units of 4 bytes, then a frame. */
export function peelTrill(bytes: Uint8Array): Step {
  const [high = 0, low = 0] = bytes;
  const options = (((high & 7) << 2) | (low >> 6)) * 4;
  return behind('ethernet', bytes, 6 + options);
}

/** PPP over Ethernet (RFC 2516 §4): only sessions (code 0) carry anything. */
export function peelPppoe(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes);
  const version = reader.uint8();
  const code = reader.uint8();
  reader.skip(2);
  const length = reader.uint16();
  if (reader.failed || version !== 0x11) return cutOff('PPPoE');
  return code === 0 ? inner('ppp', reader.rest().subarray(0, length)) : dropped('PPPoE discovery');
}

/** PPP (RFC 1661 §2), with the address and control of RFC 1662 or without; the protocol may be one byte. */
export function peelPpp(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes[0] === 0xff && bytes[1] === 3 ? bytes.subarray(2) : bytes);
  let protocol = reader.uint8();
  if ((protocol & 1) === 0) protocol = protocol * 256 + reader.uint8();
  if (reader.failed) return cutOff('PPP');
  const layer = pppProtocols.get(protocol);
  if (layer !== undefined) return inner(layer, reader.rest());
  // RFC 3518 §4.2: frames of Ethernet behind flags and a kind.
  if (protocol === 0x0031 && reader.left > 2 && bytes.at(-reader.left + 1) === 1) {
    reader.skip(2);
    return inner('ethernet', reader.rest());
  }
  return dropped(protocol >= 0x4000 ? 'PPP control' : `PPP protocol 0x${protocol.toString(16).padStart(4, '0')}`);
}

/** Cisco HDLC: address, control and an EtherType. The same link may have PPP (RFC 1662), which its address tells. */
export function peelHdlc(bytes: Uint8Array): Step {
  const [address] = bytes;
  if (address === 0x0f || address === 0x8f) return behind('etherType', bytes, 2);
  return inner('ppp', bytes);
}

/** Frame Relay (RFC 2427 §3, §4): an address that ends where a byte's lowest bit is set, and an NLPID. */
export function peelFrameRelay(bytes: Uint8Array): Step {
  const reader = new ByteReader(bytes);
  while ((reader.uint8() & 1) === 0 && !reader.failed);
  if (reader.uint8() !== 3) return dropped('Frame Relay control');
  const id = reader.uint8() || reader.uint8();
  if (id === 0xcc || id === 0x8e) return inner('ip', reader.rest());
  if (id === 0xcf) return inner('ppp', reader.rest());
  if (id !== 0x80) return dropped('Frame Relay');
  const [organization, type] = [reader.uint24(), reader.uint16()];
  if (reader.failed) return cutOff('Frame Relay');
  if (organization === 0) return ofEtherType(type, reader.rest());
  return bridged(organization, type, reader.rest()) ?? dropped('Frame Relay');
}

/** Bytes behind the type of a tag: 802.1Q, 802.1ad and what came before it, 802.1BR, VN-Tag, Cisco's metadata, HSR, 802.1CB. */
const tags = new Map<number, number>([
  [0x8100, 2],
  [0x88a8, 2],
  [0x9100, 2],
  [0x9200, 2],
  [0x893f, 6],
  [0x8926, 4],
  [0x8909, 6],
  [0x892f, 4],
  [0xf1c1, 4],
]);

const layers = new Map<number, LayerName>([
  [0x0800, 'ip'],
  [0x86dd, 'ip'],
  [0x6558, 'ethernet'],
  [0x8847, 'mpls'],
  [0x8848, 'mpls'],
  [0x8864, 'pppoe'],
  [0x880b, 'ppp'],
  [0x894f, 'nsh'],
  [0x88e5, 'macsec'],
  [0x22f3, 'trill'],
]);

/** IEEE 802.1ah: a tag of 4 bytes around a whole frame. */
const backbone = 0x88e7;

const names = new Map<number, string>([
  [0x0806, 'ARP'],
  [0x8035, 'RARP'],
  [0x809b, 'AppleTalk'],
  [0x8137, 'IPX'],
  [0x8808, 'Ethernet flow control'],
  [0x8809, 'LACP'],
  [0x8863, 'PPPoE discovery'],
  [0x888e, '802.1X'],
  [0x88cc, 'LLDP'],
  [0x88f7, 'PTP'],
  [0x8902, '802.1ag'],
  [0x8906, 'FCoE'],
  [0x8915, 'RoCE'],
]);

const pppProtocols = new Map<number, LayerName>([
  [0x0021, 'ip'],
  [0x0057, 'ip'],
  [0x0281, 'mpls'],
  [0x0283, 'mpls'],
]);

const nshProtocols = new Map<number, LayerName>([
  [1, 'ip'],
  [2, 'ip'],
  [3, 'ethernet'],
  [4, 'nsh'],
  [5, 'mpls'],
]);

const ipSap = 0x06;
const snapSap = 0xaa;
const longestFrame = 1500;
