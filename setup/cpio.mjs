// An archive that Linux unpacks into its first file system (cpio, format newc: Documentation/driver-api/early-userspace).
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export class CpioArchive {
  #entries = new Map();

  // `path` is absolute; the folders above come by themselves.
  file(path, content, mode = 0o755) {
    this.#add(path, { content, mode: FILE | mode });
  }

  copy(from, path = from, mode = 0o755) {
    this.#add(path, { from, mode: FILE | mode });
  }

  link(path, target) {
    this.#add(path, { content: target, mode: LINK | 0o777 });
  }

  folder(path) {
    if (path !== '/' && !this.#entries.has(path)) this.#add(path, { mode: FOLDER | 0o755 });
  }

  write(file) {
    const output = openSync(file, 'w');
    try {
      let number = 0;
      for (const [path, entry] of [...this.#entries, ['TRAILER!!!', { mode: 0 }]]) {
        number += 1;
        const content = entry.from ? readFileSync(entry.from) : Buffer.from(entry.content ?? '');
        const name = `${path.replace(/^\//, '')}\0`;
        const fields = [number, entry.mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, Buffer.byteLength(name), 0];
        const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}`;
        for (const part of [Buffer.from(header), content]) {
          writeSync(output, part);
          writeSync(output, Buffer.alloc(-part.length & 3));
        }
      }
    } finally {
      closeSync(output);
    }
  }

  #add(path, entry) {
    this.folder(dirname(path));
    this.#entries.set(path, entry);
  }
}

const FILE = 0o100000;
const LINK = 0o120000;
const FOLDER = 0o040000;
