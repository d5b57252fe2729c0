import { type CapturePieces, DamagedCapture, lz4Pieces } from '../pcap/capture-pieces.ts';
import { Lz4 } from '../pcap/lz4.ts';

/** The pieces of a file that somebody chose. `onRead` hears how many bytes of it were read, each time. */
export function piecesOfFile(file: Blob, onRead: (bytes: number) => void): CapturePieces {
  return { mayRepeat: true, read: () => unpacked(file, onRead) };
}

async function* unpacked(file: Blob, onRead: (bytes: number) => void): AsyncGenerator<Uint8Array, void> {
  const start = new Uint8Array(await file.slice(0, magicLength).arrayBuffer());
  const packing = packingOf(start);
  const chunks = counted(file, onRead);
  if (packing === 'zstd') {
    throw new DamagedCapture('this is compressed with Zstandard, which this page does not open: unpack it with unzstd');
  }
  if (packing === 'lz4') yield* lz4Pieces(piecesOf(chunks));
  else if (packing === 'gzip') yield* gunzipped(chunks);
  else yield* piecesOf(chunks);
}

/** How a file is compressed, by its first bytes. */
export function packingOf(start: Uint8Array): 'gzip' | 'zstd' | 'lz4' | undefined {
  const [first, second, third, fourth] = start;
  if (first === 0x1f && second === 0x8b) return 'gzip';
  if (first === 0x28 && second === 0xb5 && third === 0x2f && fourth === 0xfd) return 'zstd';
  return Lz4.isStart(start) ? 'lz4' : undefined;
}

function counted(file: Blob, onRead: (bytes: number) => void): ReadableStream<Uint8Array<ArrayBuffer>> {
  let bytes = 0;
  const counting = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      bytes += chunk.length;
      onRead(bytes);
      controller.enqueue(chunk);
    },
  });
  return file.stream().pipeThrough(counting);
}

async function* gunzipped(chunks: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* piecesOf(chunks.pipeThrough(new DecompressionStream('gzip')));
  } catch (error) {
    // Else the file itself cannot be read.
    throw error instanceof TypeError ? new DamagedCapture('what is compressed with gzip is damaged or cut off') : error;
  }
}

/** Not every browser can go through a stream by itself. */
async function* piecesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    // Whoever stops before the end wants no more of it.
    await reader.cancel().catch(() => {});
  }
}

const magicLength = 4;
