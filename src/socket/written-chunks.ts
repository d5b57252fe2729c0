import { maxFragmentLength } from '../record/protection.ts';

/** What a stream is given to write. */
export function toBytes(chunk: Uint8Array | string, encoding: BufferEncoding): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
}

/**
 * Joins chunks that share a record, as a header and a short body; a longer one stays as it is, since copying it would cost more than another
 * record does. None of the results is empty.
 */
export function gather(chunks: readonly Uint8Array[]): Uint8Array[] {
  const [only] = chunks;
  if (only && chunks.length === 1) return only.length > 0 ? [only] : [];
  const parts: Uint8Array[] = [];
  let joined: Uint8Array[] = [];
  let length = 0;
  const finish = (): void => {
    const [first] = joined;
    if (first) parts.push(joined.length === 1 ? first : Buffer.concat(joined, length));
    joined = [];
    length = 0;
  };
  for (const chunk of chunks) {
    if (length + chunk.length > maxFragmentLength) finish();
    if (chunk.length === 0) continue;
    joined.push(chunk);
    length += chunk.length;
  }
  finish();
  return parts;
}
