import { fstat, read } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A path, or what is open already and stays so: a FileHandle or a file descriptor. */
export type SendableFile = string | URL | FileHandle | number;

const readFile = promisify(read);

interface Range {
  readonly start?: number | undefined;
  readonly length?: number | undefined;
}

/** A file while it is sent. */
export interface OpenedFile {
  /** What is open: the handle, or the number. */
  readonly source: FileHandle | number;
  /** Negative once it is closed. */
  readonly descriptor: number;
  readonly start: number;
  readonly length: number;
  read(buffer: Uint8Array, length: number, position: number): Promise<number>;
  release(): Promise<void>;
}

/** Opens a path; a handle or a descriptor stays the caller's. Without a length, up to the end that the file has now. */
export async function openFile(file: SendableFile, range: Range): Promise<OpenedFile> {
  if (typeof file === 'number') return { ...(await rangeOf(range, () => promisify(fstat)(file))), ...byNumber(file) };
  if (typeof file !== 'string' && !(file instanceof URL)) {
    return byHandle(file, await rangeOf(range, () => file.stat()), async () => {});
  }
  const handle = await open(file, 'r');
  try {
    return byHandle(handle, await rangeOf(range, () => handle.stat()), () => handle.close());
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function rangeOf(
  { start = 0, length }: Range,
  stat: () => Promise<{ readonly size: number }>,
): Promise<Pick<OpenedFile, 'start' | 'length'>> {
  return { start, length: length ?? Math.max(0, (await stat()).size - start) };
}

/** A number is the caller's, who must not close it before. */
function byNumber(descriptor: number): Omit<OpenedFile, 'start' | 'length'> {
  return {
    source: descriptor,
    descriptor,
    read: async (buffer, length, position) => (await readFile(descriptor, { buffer, length, position })).bytesRead,
    release: async () => {},
  };
}

/** The handle itself knows when it is closed, and then reads no more. */
function byHandle(
  handle: FileHandle,
  range: Pick<OpenedFile, 'start' | 'length'>,
  release: OpenedFile['release'],
): OpenedFile {
  return {
    ...range,
    source: handle,
    get descriptor() {
      return handle.fd;
    },
    read: async (buffer, length, position) => (await handle.read(buffer, 0, length, position)).bytesRead,
    release,
  };
}
