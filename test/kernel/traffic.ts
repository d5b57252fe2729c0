import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

/** Bytes that repeat late enough for any mix-up to show. */
export function makePayload(length: number): Buffer {
  const block = randomBytes(Math.min(length, 100_003));
  const payload = Buffer.alloc(length);
  for (let at = 0; at < length; at += block.length) block.copy(payload, at);
  return payload;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The SHA-256 of all up to the end, or of `length` bytes; rejects if the stream is shorter. */
export async function hashOf(stream: Readable, length?: number): Promise<string> {
  const hash = createHash('sha256');
  let received = 0;
  if (length !== 0) {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      hash.update(chunk);
      received += chunk.length;
      if (length !== undefined && received >= length) break;
    }
  }
  if (length !== undefined && received !== length) throw new Error(`${received} bytes came, not ${length}`);
  return hash.digest('hex');
}

/** Writes in pieces of changing size, as fast as the stream takes them. */
export async function feed(stream: Writable, bytes: Uint8Array): Promise<void> {
  const sizes = [1, 16_384, 70_000, 5, 16_385, 200_000];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = at + (sizes[turn % sizes.length] ?? 1);
    if (!stream.write(bytes.subarray(at, end))) await once(stream, 'drain');
    at = end;
  }
}
