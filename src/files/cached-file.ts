import fs, { type ReadStream } from 'node:fs';
import { type ReadRange, readCached } from '../platform/kernel/cached-files.ts';

type ReadDone = (error: NodeJS.ErrnoException | null, bytes: number, buffer: Buffer) => void;
type Done = (error: Error | null | undefined) => void;

/**
 * Has a file stream read what the system has in memory without one of libuv's threads, and close it likewise: to wake one costs more than a small
 * file. All else that the stream does is as it was; where the system would have to wait for the file, a thread reads it. `most`: bytes that are read so.
 */
export function readInThisThread(stream: ReadStream, most: number): void {
  kFs ??= Object.getOwnPropertySymbols(stream).find(({ description }) => description === 'kFs');
  if (kFs && Reflect.get(stream, kFs) === fs) Reflect.set(stream, kFs, new CachedFile(most));
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
  /** Something was read that had not to be waited for: so it is a file of which closing has nothing to wait for, either. */
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
    const bytes = length <= this.#left && isNodes() ? tryCached(descriptor, buffer, range) : 0;
    if (bytes > 0) {
      this.#isCached = true;
      this.#left -= bytes;
      // Never in the call itself: what an application has put off until then comes first, as it does where a thread reads.
      setImmediate(done, null, bytes, buffer);
    } else fs.read(descriptor, buffer, offset, length, range.position, done);
  }

  close(descriptor: number, done: Done): void {
    if (this.#isCached && isNodes() && hasName(descriptor)) setImmediate(done, closeNow(descriptor));
    else fs.close(descriptor, done);
  }
}

/** 0: a thread has to find out. Linux 5.9 and 5.10 say so of what is no end of the file, too (preadv2(2), "Bugs"). */
function tryCached(descriptor: number, buffer: Buffer, range: ReadRange): number {
  try {
    return readCached(descriptor, buffer, range) ?? 0;
  } catch {
    // An application has made something of the stream that node:fs takes and the addon does not.
    return 0;
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

function closeNow(descriptor: number): Error | null {
  try {
    fs.closeSync(descriptor);
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const node = { read: fs.read, close: fs.close, closeSync: fs.closeSync, fstatSync: fs.fstatSync };
