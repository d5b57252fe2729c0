import { ByteReader } from './byte-reader.ts';
import type { CaptureFormat, CaptureItem } from './capture-item.ts';
import { maxBlockLength } from './capture-item.ts';

/** The older format of captures (draft-ietf-opsawg-pcap): one link type, one time resolution, packets and nothing else. */
export class Pcap implements CaptureFormat {
  readonly #endianness: 'big' | 'little';
  /** Nanoseconds in a unit of what follows the seconds. */
  readonly #nanoseconds: bigint;
  #linkType: number | undefined;

  /** Undefined if the file begins with another number. */
  static from(magic: Uint8Array): Pcap | undefined {
    const found = magics.get(new ByteReader(magic).uint32());
    return found && new Pcap(found.endianness, found.nanoseconds);
  }

  private constructor(endianness: 'big' | 'little', nanoseconds: bigint) {
    this.#endianness = endianness;
    this.#nanoseconds = nanoseconds;
  }

  read(bytes: Uint8Array): { consumed: number | 'end'; items: CaptureItem[] } {
    const items: CaptureItem[] = [];
    let consumed = 0;
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
      const time = seconds * 1_000_000_000n + BigInt(reader.uint32()) * this.#nanoseconds;
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

const magics = new Map<number, { endianness: 'big' | 'little'; nanoseconds: bigint }>([
  [0xa1b2c3d4, { endianness: 'big', nanoseconds: 1000n }],
  [0xd4c3b2a1, { endianness: 'little', nanoseconds: 1000n }],
  [0xa1b23c4d, { endianness: 'big', nanoseconds: 1n }],
  [0x4d3cb2a1, { endianness: 'little', nanoseconds: 1n }],
]);

const fileHeaderLength = 24;
const packetHeaderLength = 16;
