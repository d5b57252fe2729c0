import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable, Writable } from 'node:stream';

/** Bytes to be sent, and what they must hash to at the other end. */
export interface Payload {
  readonly bytes: Buffer;
  readonly sha256: string;
}

/**
 * Random bytes. `asLines` is for gnutls-serv, which echoes strings, and what it has got once there is a newline: no zeros, and a newline
 * at the end. Random bytes would also be commands to openssl's programs if these were not told to be quiet.
 */
export function makePayload(length: number, { asLines = false } = {}): Payload {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  const bytes = cipher.update(Buffer.alloc(length));
  if (asLines) {
    for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at)) bytes[at] = 1;
    bytes[length - 1] = 10;
  }
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** The SHA-256 of the next `length` bytes of `stream`, which must not end before. */
export function digest(stream: Readable, length: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    let left = length;
    const settle = (error?: Error): void => {
      stream.off('data', data).off('end', ended).off('close', ended).off('error', settle);
      if (error) reject(error);
      else resolve(hash.digest('hex'));
    };
    const ended = (): void => settle(new Error(`the stream ended ${left} bytes early`));
    const data = (chunk: Buffer): void => {
      hash.update(chunk);
      left -= chunk.length;
      if (left < 0) settle(new Error(`${-left} bytes more than expected arrived`));
      else if (left === 0) settle();
    };
    stream.on('data', data).on('end', ended).on('close', ended).on('error', settle);
  });
}

/** Writes in pieces, as fast as the stream takes them. */
export async function feed(stream: Writable, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += pieceLength) {
    if (!stream.write(bytes.subarray(at, at + pieceLength))) await drained(stream);
  }
}

/** Takes a request's body, then answers with `answer`. The hash of what it took. */
export async function exchange(
  request: IncomingMessage,
  response: ServerResponse,
  { expected, answer }: { expected: number; answer: Buffer },
): Promise<string> {
  const sha256 = await digest(request, expected);
  response.writeHead(200, { 'content-length': answer.length, connection: 'close' });
  await feed(response, answer);
  response.end();
  return sha256;
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      stream.off('drain', settle).off('close', closed).off('error', settle);
      if (error) reject(error);
      else resolve();
    };
    const closed = (): void => settle(new Error('the stream was closed while it was being written to'));
    stream.once('drain', settle).once('close', closed).once('error', settle);
  });
}

const pieceLength = 256 * 1024;
