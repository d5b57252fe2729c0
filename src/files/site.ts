import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, opendir, realpath, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';

/** An open file, for the caller to close. */
export interface OpenFile {
  readonly handle: FileHandle;
  readonly name: string;
  readonly stat: Stats;
}

/** What is in a folder. */
export interface Entry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly size: number;
  readonly modified: Date;
}

/**
 * The files under a folder that may be seen: none outside, whatever links say, nor any whose own or whose folder's name begins with a
 * dot, unless `dotfiles`. Nothing but files and folders.
 */
export class Site {
  /** Without links in it. */
  readonly root: string;
  readonly #dotfiles: boolean;

  private constructor(root: string, dotfiles: boolean) {
    this.root = root;
    this.#dotfiles = dotfiles;
  }

  /** Rejects with a system error if there is no such folder. */
  static async of(folder: string, { dotfiles }: { dotfiles: boolean }): Promise<Site> {
    const root = await realpath(folder);
    const directory = await opendir(root);
    await directory.close();
    return new Site(root, dotfiles);
  }

  /** The file or folder at the end of a path. Undefined: there is none that may be seen. */
  async find(segments: readonly string[]): Promise<{ readonly path: string; readonly isFolder: boolean } | undefined> {
    const path = await this.#real(segments);
    const found = path === undefined ? undefined : await orNone(stat(path));
    if (path === undefined || !(found?.isFile() || found?.isDirectory())) return undefined;
    return { path, isFolder: found.isDirectory() };
  }

  /** Opens what {@link find} has found. Undefined: it is another one by now. */
  async open(path: string): Promise<OpenFile | undefined> {
    // What has become a link since is not followed, what has become a pipe not waited for.
    const handle = await orNone(
      open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)),
    );
    if (!handle) return undefined;
    try {
      const [opened, named] = [await handle.stat(), await orNone(stat(path))];
      // A folder on the way may have become a link.
      const same = opened.isFile() && named?.ino === opened.ino && named.dev === opened.dev;
      if (same && (await orNone(realpath(path))) === path) return { handle, name: basename(path), stat: opened };
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  }

  /** What is in a folder, folders first; at most `most` entries. */
  async list(segments: readonly string[], path: string, most: number): Promise<{ entries: Entry[]; more: boolean }> {
    const entries: Entry[] = [];
    let more = false;
    for await (const { name } of await opendir(path)) {
      if (entries.length >= most) {
        more = true;
        break;
      }
      const found = await this.#real([...segments, name]);
      const about = found === undefined ? undefined : await orNone(stat(found));
      if (!(about?.isFile() || about?.isDirectory())) continue;
      entries.push({ name, isFolder: about.isDirectory(), size: about.size, modified: about.mtime });
    }
    return { entries: entries.toSorted(inOrder), more };
  }

  async #real(segments: readonly string[]): Promise<string | undefined> {
    if (this.#hides(segments)) return undefined;
    const path = await orNone(realpath(join(this.root, ...segments)));
    if (path === undefined || path === this.root) return path;
    const within = relative(this.root, path).split(sep);
    return within[0] === '..' || within.some((name) => name.includes(':')) || this.#hides(within) ? undefined : path;
  }

  #hides(names: readonly string[]): boolean {
    return !this.#dotfiles && names.some((name) => name.startsWith('.'));
  }
}

function inOrder(a: Entry, b: Entry): number {
  return Number(b.isFolder) - Number(a.isFolder) || a.name.localeCompare(b.name, 'en', { numeric: true });
}

/** Undefined where there is nothing, or nothing for us. */
async function orNone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (typeof code === 'string' && absent.has(code)) return undefined;
    throw error;
  }
}

const absent: ReadonlySet<string> = new Set([
  ...['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG', 'ENXIO', 'EINVAL', 'ERR_INVALID_ARG_VALUE'],
]);
