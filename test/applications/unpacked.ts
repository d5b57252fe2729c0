import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../build/peers/servers', import.meta.url));

/** A file or folder of the servers that are unpacked but not installed. */
export function unpacked(...path: readonly string[]): string {
  const found = join(folder, ...path);
  if (!existsSync(found)) throw new Error(`${found} is missing: node setup/run.mjs peers`);
  return found;
}

/** The one folder in `path` that begins with `beginning`: such names end in a version or an architecture. */
export function unpackedFolder(path: string, beginning: string): string {
  const name = readdirSync(unpacked(path)).find((each) => each.startsWith(beginning));
  if (!name) throw new Error(`${path}/${beginning} is missing: node setup/run.mjs peers`);
  return unpacked(path, name);
}

/** With these, programs find the libraries that were unpacked with them. */
export function libraries(...more: readonly string[]): { LD_LIBRARY_PATH: string } {
  const ofMachine = ['lib', 'usr/lib'].flatMap((path) =>
    readdirSync(unpacked(path))
      .filter((name) => name.endsWith('-linux-gnu'))
      .map((name) => unpacked(path, name)),
  );
  return { LD_LIBRARY_PATH: [...ofMachine, ...more].join(':') };
}
