import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { type CapturePieces, DamagedCapture, lz4Pieces } from '../pcap/capture-pieces.ts';
import { Lz4 } from '../pcap/lz4.ts';

/**
 * A capture (pcap or pcapng, as it is or compressed with gzip, Zstandard or LZ4): its bytes, as one or as they come, or where the file is.
 * What comes, as from a stream or a pipe, is read once: secrets that are in it may stand behind at most 1 MiB of a connection's records.
 */
export type CaptureSource = Uint8Array | string | URL | AsyncIterable<Uint8Array>;

/**
 * Opens nothing yet, but looks: pipes and devices can be read once only. A file's owner is whoever reads the pieces: it is closed when they are
 * read, or when reading them ends before.
 */
export async function piecesOf(capture: CaptureSource): Promise<CapturePieces> {
  if (capture instanceof Uint8Array) return { mayRepeat: true, read: () => decompressed(slices(capture)) };
  if (typeof capture === 'string' || capture instanceof URL) {
    const file = await open(capture);
    const isRegular = await file.stat().then(
      (stat) => stat.isFile(),
      () => false,
    );
    // What was opened is what is read: a pipe would have another end the second time.
    if (!isRegular) return { mayRepeat: false, read: () => decompressed(fileChunks(file)) };
    await file.close();
    return { mayRepeat: true, read: () => decompressed(reopened(capture)) };
  }
  return { mayRepeat: false, read: () => decompressed(capture) };
}

/** Not a copy more than needed: bytes are taken in pieces, as files are, so that events come before the end. */
async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (let offset = 0; offset < bytes.length; offset += chunkLength) yield bytes.subarray(offset, offset + chunkLength);
}

async function* reopened(file: string | URL): AsyncGenerator<Uint8Array, void> {
  yield* fileChunks(await open(file));
}

type FileHandle = Awaited<ReturnType<typeof open>>;

/** All in the same memory: a chunk is what it is until the next is asked for. */
async function* fileChunks(file: FileHandle): AsyncGenerator<Uint8Array, void> {
  const buffer = new Uint8Array(chunkLength);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** What is in a file of gzip, Zstandard or LZ4, which its first bytes tell; others as they are. Nothing is ever there as a whole. */
async function* decompressed(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const rest = chunks[Symbol.asyncIterator]();
  try {
    let start = new Uint8Array();
    while (start.length < magicLength) {
      const { value, done } = await rest.next();
      if (done) break;
      start = Uint8Array.from(Buffer.concat([start, value]));
    }
    const whole = continued(start, rest);
    if (Lz4.isStart(start)) yield* lz4Pieces(copies(whole));
    else {
      const transform = transformFor(start);
      if (transform === undefined) yield* whole;
      else yield* transformed(copies(whole), transform);
    }
  } finally {
    await rest.return?.();
  }
}

async function* continued(start: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  if (start.length > 0) yield start;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** For those who look at a piece after they have asked for the next. */
async function* copies(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const piece of pieces) yield Uint8Array.from(piece);
}

function transformFor([first, second, third, fourth]: Uint8Array): Transform | undefined {
  if (first === 0x1f && second === 0x8b) return { name: 'gzip', stream: zlib.createGunzip({ chunkSize: chunkLength }) };
  if (first !== 0x28 || second !== 0xb5 || third !== 0x2f || fourth !== 0xfd) return undefined;
  // It came with Node.js 22.15 and 23.8.
  const { createZstdDecompress } = zlib as Partial<Pick<typeof zlib, 'createZstdDecompress'>>;
  if (createZstdDecompress === undefined) {
    throw new DamagedCapture(
      'this is compressed with Zstandard, which Node.js opens from version 22.15 on: unpack it with unzstd',
    );
  }
  return { name: 'Zstandard', stream: createZstdDecompress({ chunkSize: chunkLength }) };
}

interface Transform {
  readonly name: string;
  readonly stream: zlib.Gunzip | zlib.ZstdDecompress;
}

/** The stream is fed as it asks for more, and ended on every way out. */
async function* transformed(
  chunks: AsyncIterable<Uint8Array>,
  { name, stream }: Transform,
): AsyncGenerator<Uint8Array, void> {
  const source = Readable.from(chunks, { objectMode: false });
  try {
    source.on('error', (error) => stream.destroy(error));
    for await (const chunk of source.pipe(stream)) yield chunk;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const isDamage = code.startsWith('Z_') || code.startsWith('ZSTD_') || code.startsWith('ERR_ZSTD');
    throw isDamage ? new DamagedCapture(`what is compressed with ${name} is damaged or cut off`) : error;
  } finally {
    source.destroy();
    stream.destroy();
  }
}

const magicLength = 4;
const chunkLength = 256 * 1024;
