import { close, fstat, open, read } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Connection } from '../connection/connection.ts';
import type { FilePart } from '../connection/outgoing.ts';
import { codedError } from '../errors.ts';

/** Which part of a file, and who wants to know how far it got. */
export interface SendFileOptions {
  /** First byte; 0 if not given. */
  readonly start?: number | undefined;
  /** How many bytes, exactly; up to the end that the file has now if not given. */
  readonly length?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes sent so far, after each part. */
  readonly onProgress?: ((sent: number) => void) | undefined;
}

/** A path, or what is open already and stays so: a FileHandle or a file descriptor. */
export type SendableFile = string | URL | FileHandle | number;

/**
 * Sends a file in turn with the stream's other writes: through the kernel without reading it where the kernel seals records, by reading
 * it elsewhere. Resolves to the number of bytes sent, which is as many as were asked for. Rejects if the file turned out too short
 * (ERR_KTLS_FILE_TOO_SHORT), or was aborted: the stream stays usable then, and what was sent is sent.
 */
export async function sendFile(
  stream: { write(chunk: Uint8Array, done: (error?: Error | null) => void): unknown },
  file: SendableFile,
  options: SendFileOptions = {},
): Promise<number> {
  const { start = 0, length, signal } = options;
  checkOffset('start', start);
  if (length !== undefined) checkOffset('length', length);
  signal?.throwIfAborted();
  const turn = new FileTurn(file, options);
  // Before anything is waited for: the file's place is between the writes before and after this call.
  const ended = new Promise<void>((resolve, reject) => {
    const place = Buffer.alloc(0);
    turns.set(place, turn);
    stream.write(place, (error) => (error ? reject(error) : resolve()));
  });
  await (signal ? Promise.race([ended, rejection(signal)]) : ended);
  if (turn.failure) throw turn.failure;
  return turn.sent;
}

/** Whether there is a file among the chunks of a write. */
export function hasFile(chunks: readonly Uint8Array[]): boolean {
  return chunks.some((chunk) => chunk.length === 0 && turns.has(chunk));
}

/** Sends chunks of which some stand for files, in order. Rejects when nothing more can be sent. */
export async function sendWithFiles(
  chunks: readonly Uint8Array[],
  connection: Connection,
  sent: (bytes: number) => void,
): Promise<void> {
  for (const chunk of chunks) {
    const turn = turns.get(chunk);
    if (turn) await turn.run(connection, sent);
    else if (chunk.length > 0) await write(connection, chunk).then(() => sent(chunk.length));
  }
}

/** By the empty chunk that keeps their place among a stream's writes. */
const turns = new WeakMap<Uint8Array, FileTurn>();

class FileTurn {
  /** What concerns the file and not the stream. */
  failure: unknown;
  sent = 0;
  readonly #file: SendableFile;
  readonly #options: SendFileOptions;
  #buffer: Buffer | undefined;

  constructor(file: SendableFile, options: SendFileOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** Rejects when the connection fails. */
  async run(connection: Connection, sent: (bytes: number) => void): Promise<void> {
    const opened = await openFile(this.#file, this.#options).catch((error: unknown) => {
      this.failure = error;
    });
    if (!opened) return;
    try {
      await this.#sendAll(opened, connection, sent);
    } finally {
      await opened.release();
    }
  }

  async #sendAll(file: OpenedFile, connection: Connection, sent: (bytes: number) => void): Promise<void> {
    const { signal, onProgress } = this.#options;
    await expectFile(connection, file.length);
    while (this.sent < file.length && !signal?.aborted) {
      const offset = file.start + this.sent;
      const left = file.length - this.sent;
      const isKernel = connection.layers.write === 'kernel';
      const part = await (isKernel
        ? sendPart(connection, { descriptor: file.descriptor, offset, length: Math.min(left, kernelPart) })
        : this.#readPart(connection, file.descriptor, offset, Math.min(left, readPart)));
      if (part === undefined) return;
      if (part === 0) {
        const message = `The file ended after ${this.sent} of ${file.length} bytes`;
        this.failure = codedError('ERR_KTLS_FILE_TOO_SHORT', message, { bytesSent: this.sent });
        return;
      }
      this.sent += part;
      sent(part);
      onProgress?.(this.sent);
    }
  }

  /** Undefined: the file could not be read. */
  async #readPart(
    connection: Connection,
    descriptor: number,
    position: number,
    length: number,
  ): Promise<number | undefined> {
    // One for all parts: each has left before the next is read.
    this.#buffer ??= Buffer.allocUnsafeSlow(length);
    const buffer = this.#buffer;
    const result = await promisify(read)(descriptor, { buffer, length, position }).catch((error: unknown) => {
      this.failure = error;
    });
    if (!result) return undefined;
    if (result.bytesRead > 0) await write(connection, buffer.subarray(0, result.bytesRead));
    return result.bytesRead;
  }
}

function expectFile(connection: Connection, length: number): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.expectFile(length, (error) => (error ? reject(error) : resolve()));
  });
}

function sendPart(connection: Connection, part: FilePart): Promise<number> {
  return new Promise((resolve, reject) => {
    connection.sendFile(part, (error, sent) => (error ? reject(error) : resolve(sent)));
  });
}

function write(connection: Connection, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.write([bytes], (error) => (error ? reject(error) : resolve()));
  });
}

interface OpenedFile {
  readonly descriptor: number;
  readonly start: number;
  readonly length: number;
  release(): Promise<void>;
}

async function openFile(file: SendableFile, { start = 0, length }: SendFileOptions): Promise<OpenedFile> {
  const isPath = typeof file === 'string' || file instanceof URL;
  const descriptor = isPath ? await promisify(open)(file, 'r') : typeof file === 'number' ? file : file.fd;
  const release = async (): Promise<void> => {
    if (isPath) await promisify(close)(descriptor);
  };
  try {
    const end = length === undefined ? (await promisify(fstat)(descriptor)).size : start + length;
    return { descriptor, start, length: Math.max(0, end - start), release };
  } catch (error) {
    await release();
    throw error;
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function checkOffset(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  const range = 'It must be a whole number from 0 on';
  throw Object.assign(new RangeError(`The value of "${name}" is out of range. ${range}. Received ${String(value)}`), {
    code: 'ERR_OUT_OF_RANGE',
  });
}

/** Much, but short enough for control records and key changes to get their turn in between. */
const kernelPart = 4 * 1024 * 1024;
const readPart = 256 * 1024;
