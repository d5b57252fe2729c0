import fs, { type ReadStream } from 'node:fs';
import { readCached } from '../platform/kernel/cached-files.ts';

type ReadDone = (error: NodeJS.ErrnoException | null, bytes: number, buffer: Buffer) => void;
type Done = (error: NodeJS.ErrnoException | null | undefined) => void;

/**
 * Has a file stream read what the system has in memory without one of libuv's threads, and close it likewise: to wake one costs more than a small
 * file. All else that the stream does is as it was; where the system would have to wait for the file, a thread reads it. `most`: bytes that are read so.
 */
export function readInThisThread(stream: ReadStream, most: number): void {
  kFs ??= Object.getOwnPropertySymbols(stream).find(({ description }) => description === 'kFs');
  if (kFs && Reflect.get(stream, kFs) === fs && isNodes()) Reflect.set(stream, kFs, new CachedFile(most));
}

/** Whether a stream was given to {@link readInThisThread}, and took it. */
export function isReadInThisThread(stream: ReadStream): boolean {
  return kFs !== undefined && Reflect.get(stream, kFs) instanceof CachedFile;
}

/** Node.js's own; all streams have the same. */
let kFs: symbol | undefined;

/** Whoever has put functions of their own in the place of node:fs's wants to be asked. */
function isNodes(): boolean {
  return (
    fs.read === node.read &&
    fs.close === node.close &&
    fs.closeSync === node.closeSync &&
    fs.fstatSync === node.fstatSync
  );
}

/** In the place of node:fs, as the option `fs` of a stream is. */
class CachedFile {
  #left: number;
  /** The last that was read had not to be waited for, so that closing it has nothing to wait for, either. */
  #isCached = false;

  constructor(most: number) {
    this.#left = most;
  }

  read(
    descriptor: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | undefined,
    done: ReadDone,
  ): void {
    const range = { offset, length, position: position ?? null };
    const bytes = length <= this.#left ? readCached(descriptor, buffer, range) : undefined;
    this.#isCached = bytes !== undefined;
    if (bytes === undefined) {
      fs.read(descriptor, buffer, offset, length, range.position, done);
      return;
    }
    this.#left -= bytes;
    done(null, bytes, buffer);
  }

  close(descriptor: number, done: Done): void {
    if (this.#isCached && hasName(descriptor)) process.nextTick(done, closeNow(descriptor));
    else fs.close(descriptor, done);
  }
}

/** The last one to close a file that was removed gives its space back, which may take time. */
function hasName(descriptor: number): boolean {
  try {
    return fs.fstatSync(descriptor).nlink > 0;
  } catch {
    return false;
  }
}

function closeNow(descriptor: number): unknown {
  try {
    fs.closeSync(descriptor);
    return null;
  } catch (error) {
    return error;
  }
}

const node = { read: fs.read, close: fs.close, closeSync: fs.closeSync, fstatSync: fs.fstatSync };
