import { Lz4 } from './lz4.ts';
import { Lz4Error } from './lz4-block.ts';

/** The pieces of a capture, unpacked. */
export interface CapturePieces {
  /** They can be read again from the start: it is a file, or bytes. */
  readonly mayRepeat: boolean;
  /** A piece is what it is until the next is asked for: then its memory may be used again. */
  read(): AsyncGenerator<Uint8Array, void>;
}

/** What came before it can be used; the message says what is wrong with the rest. */
export class DamagedCapture extends Error {}

/** What is in a file of LZ4. */
export async function* lz4Pieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const decoder = new Lz4();
  try {
    for await (const chunk of chunks) yield* decoder.push(chunk);
    decoder.end();
  } catch (error) {
    throw error instanceof Lz4Error
      ? new DamagedCapture(`what is compressed with LZ4 is damaged: ${error.message}`)
      : error;
  }
}
