import type { Endpoint } from './endpoint.ts';

export const TcpFlag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

/** What of a packet is chosen. */
interface PacketFields {
  /** IPv4 or IPv6, as any text says it; a zone is left out. */
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** Modulo 2^32. */
  readonly sequence: number;
  readonly acknowledgment: number;
  /** Of {@link TcpFlag}. */
  readonly flags: number;
  /** At most {@link maxSegmentLength} bytes. */
  readonly payload?: Uint8Array;
}

/** An IP packet with a TCP segment in it (RFC 791, RFC 8200, RFC 9293), checksums included. IPv6 if either address is. */
export function tcpPacket(fields: PacketFields): Uint8Array {
  const { source, destination, sequence, acknowledgment, flags, payload = new Uint8Array() } = fields;
  if (payload.length > maxSegmentLength) throw new RangeError(`a segment of ${payload.length} bytes fits in no packet`);
  const from = parseAddress(source.address);
  const to = parseAddress(destination.address);
  const isV4 = from.length === 4 && to.length === 4;
  const ipLength = isV4 ? 20 : 40;
  const tcpLength = tcpHeaderLength + payload.length;
  const length = ipLength + tcpLength;
  // Whole words, for the checksum.
  const packet = new Uint8Array(new ArrayBuffer(Math.ceil(length / 4) * 4), 0, length);
  const view = new DataView(packet.buffer);
  if (isV4) writeIPv4(view, packet, { from, to, tcpLength });
  else writeIPv6(view, packet, { from: mapped(from), to: mapped(to), tcpLength });
  view.setUint16(ipLength, source.port);
  view.setUint16(ipLength + 2, destination.port);
  view.setUint32(ipLength + 4, sequence >>> 0);
  view.setUint32(ipLength + 8, acknowledgment >>> 0);
  view.setUint8(ipLength + 12, (tcpHeaderLength / 4) << 4);
  view.setUint8(ipLength + 13, flags);
  view.setUint16(ipLength + 14, 0xffff);
  packet.set(payload, ipLength + tcpHeaderLength);
  const addresses = isV4 ? sum(view, 12, 20) : sum(view, 8, 40);
  view.setUint16(ipLength + 16, checksum(addresses + tcpProtocol + tcpLength + sum(view, ipLength, view.byteLength)));
  return packet;
}

interface Addresses {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly tcpLength: number;
}

function writeIPv4(view: DataView<ArrayBuffer>, packet: Uint8Array, { from, to, tcpLength }: Addresses): void {
  view.setUint8(0, 0x45);
  view.setUint16(2, 20 + tcpLength);
  // Don't fragment: then an identification is not needed (RFC 6864 §4.1).
  view.setUint16(6, 0x4000);
  view.setUint8(8, hopLimit);
  view.setUint8(9, tcpProtocol);
  packet.set(from, 12);
  packet.set(to, 16);
  view.setUint16(10, checksum(sum(view, 0, 20)));
}

function writeIPv6(view: DataView, packet: Uint8Array, { from, to, tcpLength }: Addresses): void {
  view.setUint8(0, 0x60);
  view.setUint16(4, tcpLength);
  view.setUint8(6, tcpProtocol);
  view.setUint8(7, hopLimit);
  packet.set(from, 8);
  packet.set(to, 24);
}

/**
 * Of 16-bit words (RFC 1071), between multiples of 4. Taken 32 bits at a time and as this machine has them, which leaves the sum the same
 * but for the order of its bytes (§2 there): several times as fast.
 */
function sum(view: DataView<ArrayBuffer>, start: number, end: number): number {
  const words = new Uint32Array(view.buffer, start, (end - start) / 4);
  let total = 0;
  for (let i = 0; i < words.length; i++) total += words[i] ?? 0;
  const folded = fold(total);
  return isLittleEndian ? ((folded & 0xff) << 8) | (folded >> 8) : folded;
}

function checksum(total: number): number {
  return ~fold(total) & 0xffff;
}

/** Carries go back in at the other end. Up to 2^53. */
function fold(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return folded;
}

/** 4 or 16 bytes; an IPv4 address in IPv6's clothes (RFC 4291 §2.5.5.2) is IPv4. Throws a RangeError for what is no address. */
function parseAddress(text: string): Uint8Array {
  const [bare = ''] = text.split('%');
  const v4 = bare.toLowerCase().startsWith('::ffff:') ? bare.slice('::ffff:'.length) : bare;
  const address = dotted(v4) ?? colons(bare);
  if (address === undefined) throw new RangeError(`not an IP address: ${text}`);
  return address;
}

/** RFC 6943 §3.1.1: the strict form. */
function dotted(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  const isValid = parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  return isValid ? Uint8Array.from(parts, Number) : undefined;
}

/** RFC 4291 §2.2. */
function colons(text: string): Uint8Array | undefined {
  const [head = '', tail, ...more] = text.split('::');
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  if (more.length > 0 || front === undefined || back === undefined) return undefined;
  const length = front.length + back.length;
  if (tail === undefined ? length !== 8 : length > 7) return undefined;
  const middle = Array<number>(8 - length).fill(0);
  return Uint8Array.from([...front, ...middle, ...back].flatMap((group) => [group >> 8, group & 0xff]));
}

/** Groups of 16 bits, of which the last two may be an IPv4 address. */
function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const all: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    const bytes = index === parts.length - 1 ? dotted(part) : undefined;
    if (bytes !== undefined) {
      const [a = 0, b = 0, c = 0, d = 0] = bytes;
      all.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) all.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return all;
}

function mapped(address: Uint8Array): Uint8Array {
  return address.length === 16 ? address : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...address);
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
const tcpHeaderLength = 20;
const tcpProtocol = 6;
const hopLimit = 64;

/** An IPv4 packet is at most 65535 bytes long. */
export const maxSegmentLength: number = 65_535 - 20 - tcpHeaderLength;
