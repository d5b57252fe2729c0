import type { Connection } from '../connection/connection.ts';
import type { FilePart } from '../connection/outgoing.ts';
import { fileTooShort } from '../errors/codes.ts';
import { type OpenedFile, openFile, type SendableFile } from './sendable-file.ts';

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

/**
 * Sends a file in turn with the stream's other writes: through the kernel without reading it where the kernel seals records, by reading
 * it elsewhere. Resolves to the number of bytes sent, which is as many as were asked for. Rejects if the file cannot be read, was closed
 * or turned out too short (ERR_KTLS_FILE_TOO_SHORT), if `onProgress` throws, or on abort: the stream stays usable then, and what was sent
 * is sent.
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
  await (signal ? unlessAborted(ended, signal) : ended);
  if (turn.failure) throw turn.failure.reason;
  return turn.sent;
}

/** Whether there is a file among the chunks of a write. */
export function hasFile(chunks: readonly Uint8Array[]): boolean {
  for (const chunk of chunks) if (chunk.length === 0 && turns.has(chunk)) return true;
  return false;
}

/** How a part of a file went: without being read, or read and written. */
export type FileWay = 'sendfile' | 'read';

/** Is told of bytes that have been sent; `way`: they were a file's. */
type Sent = (bytes: number, way?: FileWay) => void;

/** Sends chunks of which some stand for files, in order. Rejects when nothing more can be sent. */
export async function sendWithFiles(chunks: readonly Uint8Array[], connection: Connection, sent: Sent): Promise<void> {
  const before = new Before(connection, sent);
  for (const chunk of chunks) {
    const turn = turns.get(chunk);
    if (turn) await turn.run(connection, sent, before);
    else if (chunk.length > 0) before.add(chunk);
  }
  await before.send();
}

/** What was written before a file, as a response's headers are: it leaves together with the file's first part where that is read. */
class Before {
  readonly #connection: Connection;
  readonly #sent: Sent;
  #chunks: Uint8Array[] = [];

  constructor(connection: Connection, sent: Sent) {
    this.#connection = connection;
    this.#sent = sent;
  }

  add(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
  }

  /** Sends it, and `part` behind it. `sealed`: called where the part's memory is not needed until it has left. */
  async send(part?: Uint8Array, sealed?: () => void): Promise<void> {
    const chunks = this.#chunks;
    if (chunks.length === 0 && part === undefined) return;
    this.#chunks = [];
    await write(this.#connection, part ? [...chunks, part] : chunks, sealed);
    for (const chunk of chunks) this.#sent(chunk.length);
  }
}

/** By the empty chunk that keeps their place among a stream's writes. */
const turns = new WeakMap<Uint8Array, FileTurn>();

class FileTurn {
  /** What concerns the file and not the stream. */
  failure: { readonly reason: unknown } | undefined;
  sent = 0;
  readonly #file: SendableFile;
  readonly #options: SendFileOptions;
  #buffer: Buffer | undefined;

  constructor(file: SendableFile, options: SendFileOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** Rejects when the connection fails. */
  async run(connection: Connection, sent: Sent, before: Before): Promise<void> {
    const { signal } = this.#options;
    if (signal?.aborted) return;
    const opened = await this.#unlessFails(openFile(this.#file, this.#options));
    if (!opened) return;
    try {
      // Aborted before its turn, it is no file that is sent.
      if (signal?.aborted) return;
      await this.#sendAll(opened, connection, sent, before);
      // Where the connection has failed, the system may not be done with it.
      this.#giveBack();
    } finally {
      await opened.release();
    }
  }

  async #sendAll(file: OpenedFile, connection: Connection, sent: Sent, before: Before): Promise<void> {
    const { signal, onProgress } = this.#options;
    await expectFile(connection, file.length);
    let isRefused = false;
    while (this.sent < file.length && !signal?.aborted) {
      const offset = file.start + this.sent;
      const left = file.length - this.sent;
      const isSent = connection.sendsFiles && !isRefused;
      if (isSent) await before.send();
      const part = await (isSent
        ? sendPart(connection, file, offset, Math.min(left, kernelPart), signal)
        : this.#readPart(before, file, offset, Math.min(left, readPart)));
      if (part === undefined) return;
      if (part === 'refused') {
        isRefused = true;
        continue;
      }
      if (part === 0) {
        const message = `The file ended after ${this.sent} of ${file.length} bytes`;
        this.failure = { reason: fileTooShort(message, this.sent) };
        return;
      }
      this.sent += part;
      sent(part, isSent ? 'sendfile' : 'read');
      try {
        onProgress?.(this.sent);
      } catch (reason) {
        this.failure = { reason };
        return;
      }
    }
  }

  /** Undefined: it has failed, which concerns the file alone. */
  async #unlessFails<Result>(result: Promise<Result>): Promise<Result | undefined> {
    try {
      return await result;
    } catch (reason) {
      this.failure = { reason };
      return undefined;
    }
  }

  /** Undefined: the file could not be read, or is not to be sent any more. */
  async #readPart(before: Before, file: OpenedFile, position: number, length: number): Promise<number | undefined> {
    // One for all parts where they are not sealed at once: each has left before the next is read.
    this.#buffer ??= spare.pop() ?? Buffer.allocUnsafeSlow(readPart);
    const buffer = this.#buffer;
    const bytes = await this.#unlessFails(file.read(buffer, length, position));
    // Who was told of the abort may have closed the file: what was read by its number may be another's.
    if (this.#options.signal?.aborted) return undefined;
    if (bytes !== undefined && bytes > 0) await before.send(buffer.subarray(0, bytes), () => this.#giveBack());
    return bytes;
  }

  /** A reader that is slow has what is sealed wait for it, and no more. */
  #giveBack(): void {
    if (this.#buffer && spare.length < mostSpare) spare.push(this.#buffer);
    this.#buffer = undefined;
  }
}

function expectFile(connection: Connection, length: number): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.expectFile(length, (error) => (error ? reject(error) : resolve()));
  });
}

function sendPart(
  connection: Connection,
  file: OpenedFile,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<number | 'refused'> {
  const part: FilePart = {
    // Closed in the meantime, its number may be another file's; so it may be once somebody was told of an abort.
    get descriptor() {
      return signal?.aborted ? -1 : file.descriptor;
    },
    offset,
    length,
  };
  return new Promise((resolve, reject) => {
    connection.sendFile(part, (error, sent) => (error ? reject(error) : resolve(sent)));
  });
}

function write(connection: Connection, parts: readonly Uint8Array[], sealed = (): void => {}): Promise<void> {
  return new Promise((resolve, reject) => {
    if (connection.write(parts, (error) => (error ? reject(error) : resolve()))) sealed();
  });
}

/** Rejects at once on abort. */
async function unlessAborted(ended: Promise<void>, signal: AbortSignal): Promise<void> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([ended, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
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

/** Memory that files are read into, for the next ones: each new block of it costs a good part of the reading. */
const spare: Buffer[] = [];
const mostSpare = 8;
