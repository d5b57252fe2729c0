import { ByteReader } from './byte-reader.ts';
import type { CaptureFormat, CaptureItem } from './capture-item.ts';
import { maxBlockLength } from './capture-item.ts';

/** The older format of captures (draft-ietf-opsawg-pcap): one link type, one time resolution, packets and nothing else. */
export class Pcap implements CaptureFormat {
  readonly #variant: Variant;
  readonly #endianness: 'big' | 'little';
  #linkType: number | undefined;

  /** Undefined if the file begins with another number. */
  static from(magic: Uint8Array): Pcap | undefined {
    for (const endianness of ['big', 'little'] as const) {
      const variant = variants.get(new ByteReader(magic, endianness).uint32());
      if (variant !== undefined) return new Pcap(variant, endianness);
    }
    return undefined;
  }

  private constructor(variant: Variant, endianness: 'big' | 'little') {
    this.#variant = variant;
    this.#endianness = endianness;
  }

  read(bytes: Uint8Array): { consumed: number | 'end'; items: CaptureItem[] } {
    const items: CaptureItem[] = [];
    let consumed = 0;
    const { nanoseconds, fileHeaderLength, packetHeaderLength } = this.#variant;
    if (this.#linkType === undefined) {
      if (bytes.length < fileHeaderLength) return { consumed, items };
      const header = new ByteReader(bytes.subarray(20, 24), this.#endianness);
      // The upper bits say whether packets end with an FCS.
      this.#linkType = header.uint32() & 0xffff;
      consumed = fileHeaderLength;
    }
    while (bytes.length - consumed >= packetHeaderLength) {
      const reader = new ByteReader(bytes.subarray(consumed, consumed + packetHeaderLength), this.#endianness);
      const seconds = BigInt(reader.uint32());
      const time = seconds * 1_000_000_000n + BigInt(reader.uint32()) * nanoseconds;
      const length = reader.uint32();
      const originalLength = reader.uint32();
      if (length > maxBlockLength) {
        items.push({ kind: 'problem', reason: `the file is broken: a packet of ${length} bytes` });
        return { consumed: 'end', items };
      }
      const start = consumed + packetHeaderLength;
      if (bytes.length - start < length) break;
      consumed = start + length;
      const packet = bytes.subarray(start, consumed);
      items.push({ kind: 'packet', time, linkType: this.#linkType, bytes: packet, originalLength });
    }
    return { consumed, items };
  }
}

/** What a magic number says of a file, in the order of bytes of which it is. */
interface Variant {
  /** Nanoseconds in a unit of what follows the seconds. */
  readonly nanoseconds: bigint;
  readonly fileHeaderLength: number;
  readonly packetHeaderLength: number;
}

const variants = new Map<number, Variant>([
  [0xa1b2c3d4, { nanoseconds: 1000n, fileHeaderLength: 24, packetHeaderLength: 16 }],
  [0xa1b23c4d, { nanoseconds: 1n, fileHeaderLength: 24, packetHeaderLength: 16 }],
  // Kuznetzov's tcpdump: each packet also has its interface, protocol and kind.
  [0xa1b2cd34, { nanoseconds: 1000n, fileHeaderLength: 24, packetHeaderLength: 24 }],
  // Ixia's hardware and software: the file's header also has the size of all packets.
  [0x1c0001ac, { nanoseconds: 1n, fileHeaderLength: 28, packetHeaderLength: 16 }],
  [0x1c0001ab, { nanoseconds: 1n, fileHeaderLength: 28, packetHeaderLength: 16 }],
]);
