import { ByteReader } from './byte-reader.ts';
import type { CapturedPacket, CaptureFormat, CaptureItem } from './capture-item.ts';
import { maxBlockLength } from './capture-item.ts';
import { BlockType, byteOrderMagic, OptionCode, tlsKeyLog } from './pcapng-blocks.ts';

/** The newer format of captures (draft-ietf-opsawg-pcapng): blocks, in sections that each have their own byte order and interfaces. */
export class Pcapng implements CaptureFormat {
  #endianness: 'big' | 'little' = 'little';
  #interfaces: Interface[] = [];

  /** Undefined if the file begins with another number. */
  static from(magic: Uint8Array): Pcapng | undefined {
    return new ByteReader(magic).uint32() === BlockType.sectionHeader ? new Pcapng() : undefined;
  }

  private constructor() {}

  read(bytes: Uint8Array): { consumed: number | 'end'; items: CaptureItem[] } {
    const items: CaptureItem[] = [];
    let consumed = 0;
    // Enough for type, length and the section header's byte order: no block is shorter.
    while (bytes.length - consumed >= minBlockLength) {
      const { type, length } = this.#readHead(bytes.subarray(consumed, consumed + minBlockLength));
      if (length === undefined || length < minBlockLength || length % 4 !== 0 || length > maxBlockLength) {
        items.push({ kind: 'problem', reason: `the file is broken: a block of type ${type} and length ${length}` });
        return { consumed: 'end', items };
      }
      if (bytes.length - consumed < length) break;
      const body = bytes.subarray(consumed + 8, consumed + length - 4);
      const item = this.#readBlock(type, body);
      if (item !== undefined) items.push(item);
      consumed += length;
    }
    return { consumed, items };
  }

  #readHead(head: Uint8Array): { type: number; length: number | undefined } {
    // The section header's type reads the same in both orders (§4.1).
    if (new ByteReader(head).uint32() === BlockType.sectionHeader) {
      const order = byteOrders.get(new ByteReader(head.subarray(8)).uint32());
      if (order === undefined) return { type: BlockType.sectionHeader, length: undefined };
      this.#endianness = order;
    }
    const reader = new ByteReader(head, this.#endianness);
    return { type: reader.uint32(), length: reader.uint32() };
  }

  #readBlock(type: number, body: Uint8Array): CaptureItem | undefined {
    const reader = new ByteReader(body, this.#endianness);
    switch (type) {
      case BlockType.sectionHeader:
        this.#interfaces = [];
        return undefined;
      case BlockType.interfaceDescription:
        return this.#readInterface(reader);
      case BlockType.enhancedPacket:
        return this.#readEnhancedPacket(reader);
      case BlockType.simplePacket:
        return this.#readSimplePacket(reader);
      case BlockType.obsoletePacket:
        return this.#readObsoletePacket(reader);
      case BlockType.decryptionSecrets:
        return readSecrets(reader);
      default:
        if (blocksWithoutPackets.has(type)) return undefined;
        return { kind: 'unused', what: blockNames.get(type) ?? `pcapng blocks of type 0x${type.toString(16)}` };
    }
  }

  #readInterface(reader: ByteReader): CaptureItem | undefined {
    const linkType = reader.uint16();
    reader.skip(2);
    const snapLength = reader.uint32();
    if (reader.failed) return broken('an interface description');
    if (this.#interfaces.length >= maxInterfaces) return broken(`more than ${maxInterfaces} interfaces in a section`);
    let resolution: Resolution = microseconds;
    let secondsOffset = 0n;
    for (const { code, value } of this.#options(reader)) {
      const option = new ByteReader(value, this.#endianness);
      if (code === OptionCode.timeResolution) resolution = resolutionFrom(option.uint8());
      if (code === OptionCode.timeOffset && value.length === 8) secondsOffset = this.#int64(value);
    }
    this.#interfaces.push({ linkType, snapLength, resolution, secondsOffset });
    return undefined;
  }

  #readEnhancedPacket(reader: ByteReader): CaptureItem {
    return this.#readPacket(this.#interfaces[reader.uint32()], reader);
  }

  /** What there was before enhanced packets (appendix A), as old programs still write it. */
  #readObsoletePacket(reader: ByteReader): CaptureItem {
    const from = this.#interfaces[reader.uint16()];
    // How many packets were lost before it.
    reader.skip(2);
    return this.#readPacket(from, reader);
  }

  #readPacket(from: Interface | undefined, reader: ByteReader): CaptureItem {
    const ticks = (BigInt(reader.uint32()) << 32n) | BigInt(reader.uint32());
    const length = reader.uint32();
    const originalLength = reader.uint32();
    const bytes = reader.bytes(length);
    if (reader.failed) return broken('a packet is longer than its block');
    if (from === undefined) return broken('a packet of an interface that was not described');
    return packetOf(from, timeOf(from, ticks), bytes, originalLength);
  }

  /** It has no time (§4.4), and its length follows from the first interface's limit. */
  #readSimplePacket(reader: ByteReader): CaptureItem {
    const [from] = this.#interfaces;
    const originalLength = reader.uint32();
    if (from === undefined) return broken('a packet of an interface that was not described');
    const limit = from.snapLength === 0 ? originalLength : Math.min(originalLength, from.snapLength);
    const bytes = reader.bytes(Math.min(limit, reader.left));
    return reader.failed ? broken('a packet without length') : packetOf(from, 0n, bytes, originalLength);
  }

  *#options(reader: ByteReader): Generator<{ code: number; value: Uint8Array }, void> {
    while (reader.left >= 4) {
      const code = reader.uint16();
      const length = reader.uint16();
      if (code === OptionCode.end) return;
      const value = reader.bytes(length);
      reader.skip(Math.min(reader.left, (4 - (length % 4)) % 4));
      if (reader.failed) return;
      yield { code, value };
    }
  }

  #int64(value: Uint8Array): bigint {
    return new DataView(value.buffer, value.byteOffset, 8).getBigInt64(0, this.#endianness === 'little');
  }
}

interface Interface {
  readonly linkType: number;
  /** 0: no limit. */
  readonly snapLength: number;
  readonly resolution: Resolution;
  readonly secondsOffset: bigint;
}

/** A tick of the clock is `nanoseconds / divisor` ns. */
interface Resolution {
  readonly nanoseconds: bigint;
  readonly divisor: bigint;
}

/** if_tsresol (§4.2): a negative power of 10, or of 2 if the highest bit is set. */
function resolutionFrom(value: number): Resolution {
  const exponent = BigInt(value & 0x7f);
  return { nanoseconds: 1_000_000_000n, divisor: value & 0x80 ? 2n ** exponent : 10n ** exponent };
}

function timeOf({ resolution, secondsOffset }: Interface, ticks: bigint): bigint {
  return secondsOffset * 1_000_000_000n + (ticks * resolution.nanoseconds) / resolution.divisor;
}

function packetOf({ linkType }: Interface, time: bigint, bytes: Uint8Array, originalLength: number): CapturedPacket {
  return { kind: 'packet', time, linkType, bytes, originalLength };
}

function readSecrets(reader: ByteReader): CaptureItem | undefined {
  const type = reader.uint32();
  const length = reader.uint32();
  const bytes = reader.bytes(length);
  if (reader.failed) return broken('secrets are longer than their block');
  return type === tlsKeyLog ? { kind: 'keyLog', bytes } : undefined;
}

function broken(what: string): CaptureItem {
  return { kind: 'problem', reason: `the file is broken: ${what}` };
}

/**
 * Names and addresses, counts of an interface, blocks that a program has for itself (both kinds), and macOS' of processes: they hold neither packets nor
 * secrets.
 */
const blocksWithoutPackets: ReadonlySet<number> = new Set([4, 5, 0x0bad, 0x4000_0bad, 0x8000_0001]);

/** Others that are documented (section 10.1 of the draft, and its registry), whose contents are no packets of a network. */
const blockNames = new Map<number, string>([
  [7, 'IRIG timestamp blocks'],
  [8, 'ARINC 429 blocks'],
  [9, 'systemd journal entries'],
  [0x0101, 'Hone machine info blocks'],
  [0x0102, 'Hone connection event blocks'],
  ...[0x0201, 0x0202, 0x0203, 0x0204, 0x0205, 0x0206, 0x0207, 0x0208, 0x0209, 0x0210, 0x0211, 0x0212, 0x0213].map(
    (type) => [type, 'Sysdig blocks'] as const,
  ),
]);

const byteOrders = new Map<number, 'big' | 'little'>([
  [byteOrderMagic, 'big'],
  [0x4d3c2b1a, 'little'],
]);

const microseconds: Resolution = { nanoseconds: 1000n, divisor: 1n };
const minBlockLength = 12;
const maxInterfaces = 65536;
