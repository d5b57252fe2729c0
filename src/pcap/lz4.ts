import { ByteReader } from './byte-reader.ts';
import { decompressBlock, Lz4Error } from './lz4-block.ts';

/**
 * Decompresses LZ4 frames (github.com/lz4/lz4: doc/lz4_Frame_format.md, doc/lz4_Block_format.md), one after the other, from pieces of any size.
 * Memory is bounded by one block (4 MiB; 8 MiB of the legacy format), compressed and not, and the 64 KiB before it that a block may copy
 * from. Checksums are passed over: packets have their own. Throws {@link Lz4Error}.
 */
export class Lz4 {
  #input: Uint8Array = new Uint8Array();
  /** What has come and is not part of #input yet: it is put together once a block is whole, not with each piece. */
  #pieces: Uint8Array[] = [];
  #length = 0;
  #needed = 0;
  #frame: Frame | undefined;
  /** Bytes of a skippable frame that are still to come. */
  #skipping = 0;
  /** The end of what came out of the frame. */
  #window: Uint8Array = new Uint8Array();

  /** The first bytes of a frame, or of a legacy one. */
  static isStart(bytes: Uint8Array): boolean {
    const magic = new ByteReader(bytes.subarray(0, 4), 'little').uint32();
    return bytes.length >= 4 && (magic === frameMagic || magic === legacyMagic || isSkippable(magic));
  }

  /** What comes out of the blocks that are whole now: a block at a time, so that a file that grows a thousandfold is never there as one. */
  *push(chunk: Uint8Array): Generator<Uint8Array, void> {
    this.#pieces.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return;
    this.#input = joined([this.#input, ...this.#pieces]);
    this.#pieces = [];
    this.#needed = 0;
    yield* this.#unpack();
    this.#length = this.#input.length;
  }

  *#unpack(): Generator<Uint8Array, void> {
    for (;;) {
      const skipped = Math.min(this.#skipping, this.#input.length);
      this.#skipping -= skipped;
      this.#consume(skipped);
      if (this.#skipping > 0) return;
      if (this.#frame === undefined) {
        if (!this.#begin()) return;
        continue;
      }
      const block = this.#nextBlock(this.#frame);
      if (block === undefined) return;
      if (block.length > 0) yield block;
    }
  }

  /** There are no more bytes: that must be the end of a frame. */
  end(): void {
    const isLegacyEnd = this.#frame?.isLegacy === true && this.#length === 0;
    if (this.#skipping > 0 || this.#length > 0 || (this.#frame !== undefined && !isLegacyEnd)) {
      throw new Lz4Error('the file is cut off');
    }
  }

  /** Reads a frame's header; false if not all of it is there. */
  #begin(): boolean {
    const reader = new ByteReader(this.#input, 'little');
    const magic = reader.uint32();
    if (reader.failed) return false;
    this.#window = new Uint8Array();
    if (isSkippable(magic)) {
      this.#skipping = 4 + reader.uint32();
      if (reader.failed) this.#skipping = 0;
      else this.#consume(4);
      return !reader.failed;
    }
    if (magic === legacyMagic) {
      this.#frame = { isLegacy: true, areLinked: false, maxBlock: legacyBlock, blockChecksum: 0, endChecksum: 0 };
      this.#consume(4);
      return true;
    }
    if (magic !== frameMagic) throw new Lz4Error('what stands behind a frame is none');
    const flags = reader.uint8();
    const descriptor = reader.uint8();
    reader.skip((flags & Flag.contentSize ? 8 : 0) + (flags & Flag.dictionary ? 4 : 0) + 1);
    if (reader.failed) return false;
    const size = (descriptor >> 4) & 7;
    if (flags >> 6 !== 1 || size < 4) throw new Lz4Error('a frame’s header is of no version that there is');
    if (flags & Flag.dictionary) throw new Lz4Error('a frame needs a dictionary');
    this.#frame = {
      isLegacy: false,
      areLinked: (flags & Flag.independent) === 0,
      maxBlock: 2 ** (8 + 2 * size),
      blockChecksum: flags & Flag.blockChecksum ? 4 : 0,
      endChecksum: flags & Flag.contentChecksum ? 4 : 0,
    };
    this.#consume(reader.offset);
    return true;
  }

  /** What a block comes to, nothing at a frame's end; undefined if not all of it is there. */
  #nextBlock(frame: Frame): Uint8Array | undefined {
    const reader = new ByteReader(this.#input, 'little');
    const head = reader.uint32();
    if (reader.failed) return undefined;
    if (frame.isLegacy ? Lz4.isStart(this.#input) : head === 0) {
      if (reader.left < frame.endChecksum) return undefined;
      this.#frame = undefined;
      this.#consume(frame.isLegacy ? 0 : 4 + frame.endChecksum);
      return new Uint8Array();
    }
    const isStored = !frame.isLegacy && head >= uncompressed;
    const length = frame.isLegacy ? head : head % uncompressed;
    if (length > (frame.isLegacy ? maxLegacyInput : frame.maxBlock))
      throw new Lz4Error('a block is longer than its frame allows');
    this.#needed = 4 + length + frame.blockChecksum;
    if (this.#input.length < this.#needed) return undefined;
    this.#needed = 0;
    const data = reader.bytes(length);
    const block = isStored ? data.slice() : decompressBlock(data, this.#window, frame.maxBlock);
    if (frame.areLinked) this.#window = joined([this.#window, block]).slice(-windowLength);
    this.#consume(4 + length + frame.blockChecksum);
    return block;
  }

  #consume(length: number): void {
    this.#input = this.#input.subarray(length);
  }
}

interface Frame {
  readonly isLegacy: boolean;
  /** Blocks may copy from those before them. */
  readonly areLinked: boolean;
  readonly maxBlock: number;
  readonly blockChecksum: number;
  readonly endChecksum: number;
}

function isSkippable(magic: number): boolean {
  return magic >= 0x184d2a50 && magic <= 0x184d2a5f;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const filled = pieces.filter(({ length }) => length > 0);
  const [first] = filled;
  if (first !== undefined && filled.length === 1) return first;
  const all = new Uint8Array(filled.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const piece of filled) {
    all.set(piece, offset);
    offset += piece.length;
  }
  return all;
}

const frameMagic = 0x184d2204;
const legacyMagic = 0x184c2102;
const legacyBlock = 8 * 2 ** 20;
/** The most that a block of the legacy format may take (LZ4_compressBound). */
const maxLegacyInput = legacyBlock + Math.floor(legacyBlock / 255) + 16;
const uncompressed = 0x8000_0000;
const windowLength = 65_536;
const Flag = {
  independent: 0x20,
  blockChecksum: 0x10,
  contentSize: 0x08,
  contentChecksum: 0x04,
  dictionary: 0x01,
} as const;
