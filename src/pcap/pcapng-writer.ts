import { BlockType, byteOrderMagic, OptionCode, tlsKeyLog } from './pcapng-blocks.ts';

/**
 * Blocks of a pcapng file (IETF draft-ietf-opsawg-pcapng), from values to bytes. A file is a section header, then its interfaces, then
 * anything. Numbers are little-endian; a reader learns that from the section header.
 */

export interface SectionHeader {
  /** The program that wrote the file. */
  readonly application?: string;
  readonly comment?: string;
}

/** Begins a file, or a further section of one, in which interfaces are counted from 0 again (§4.1). */
export function sectionHeader({ application, comment }: SectionHeader = {}): Uint8Array {
  const fixed = new Uint8Array(16);
  const view = new DataView(fixed.buffer);
  view.setUint32(0, byteOrderMagic, true);
  view.setUint16(4, 1, true);
  // The section's length is not known.
  view.setBigInt64(8, -1n, true);
  return block(BlockType.sectionHeader, [fixed, ...options([text(1, comment), text(4, application)])]);
}

export interface InterfaceDescription {
  /** LINKTYPE_*: what packets begin with. */
  readonly linkType: number;
  readonly name?: string;
  readonly comment?: string;
}

/** An interface; the first of a section has number 0. Times of its packets count nanoseconds, and packets are whole (§4.2). */
export function interfaceDescription({ linkType, name, comment }: InterfaceDescription): Uint8Array {
  const fixed = new Uint8Array(8);
  new DataView(fixed.buffer).setUint16(0, linkType, true);
  const resolution: Option = { code: OptionCode.timeResolution, value: Uint8Array.of(9) };
  return block(BlockType.interfaceDescription, [fixed, ...options([text(1, comment), text(2, name), resolution])]);
}

/** Lines of a key log (RFC 9850), each with its end. They serve the packets that come after them in the file (§4.7). */
export function decryptionSecrets(keyLog: string): Uint8Array {
  const secrets = new TextEncoder().encode(keyLog);
  const fixed = new Uint8Array(8);
  const view = new DataView(fixed.buffer);
  view.setUint32(0, tlsKeyLog, true);
  view.setUint32(4, secrets.length, true);
  const made = block(BlockType.decryptionSecrets, [fixed, ...padded(secrets)]);
  secrets.fill(0);
  return made;
}

export interface EnhancedPacket {
  /** Number of the interface in its section. Default 0. */
  readonly interfaceId?: number;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly packet: Uint8Array;
  readonly comment?: string;
  /** Seen from the interface. */
  readonly direction?: 'inbound' | 'outbound';
}

/** A packet (§4.3). */
export function enhancedPacket({ interfaceId = 0, time, packet, comment, direction }: EnhancedPacket): Uint8Array {
  const fixed = new Uint8Array(20);
  const view = new DataView(fixed.buffer);
  view.setUint32(0, interfaceId, true);
  view.setUint32(4, Number(BigInt.asUintN(32, time >> 32n)), true);
  view.setUint32(8, Number(BigInt.asUintN(32, time)), true);
  view.setUint32(12, packet.length, true);
  view.setUint32(16, packet.length, true);
  const flags = direction && { code: 2, value: Uint8Array.of(direction === 'inbound' ? 1 : 2, 0, 0, 0) };
  return block(BlockType.enhancedPacket, [fixed, ...padded(packet), ...options([text(1, comment), flags])]);
}

/** Packets are IPv4 or IPv6, which their first four bits tell. */
export const LINKTYPE_RAW = 101;

interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

function text(code: number, value: string | undefined): Option | undefined {
  if (value === undefined) return undefined;
  const bytes = new TextEncoder().encode(value);
  // A text that is cut may end in half a character, which readers show as such.
  return { code, value: bytes.subarray(0, maxOptionLength) };
}

/** Each a code, a length, and the value up to the next 32 bits (§3.5). */
function options(given: readonly (Option | undefined)[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const option of given) {
    if (option) parts.push(pair(option.code, option.value.length), ...padded(option.value));
  }
  return parts.length === 0 ? [] : [...parts, pair(OptionCode.end, 0)];
}

function pair(code: number, length: number): Uint8Array {
  return Uint8Array.of(code & 0xff, code >> 8, length & 0xff, length >> 8);
}

function padded(bytes: Uint8Array): Uint8Array[] {
  const rest = bytes.length % 4;
  return rest === 0 ? [bytes] : [bytes, new Uint8Array(4 - rest)];
}

/** Type and length, the body, and the length again, for those who read backwards (§3.1). */
function block(type: number, body: readonly Uint8Array[]): Uint8Array {
  const length = 12 + body.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  let at = 8;
  for (const part of body) {
    bytes.set(part, at);
    at += part.length;
  }
  view.setUint32(at, length, true);
  return bytes;
}

const maxOptionLength = 65_532;
