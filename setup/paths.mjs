// Where things are, relative to the project's folder.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export const at = (...names) => join(root, ...names);

export const build = (...names) => at('build', ...names);

// The Node that npm installed for the project; the one running this file may be older.
export function projectNode() {
  const pinned = at('node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');
  return existsSync(pinned) ? pinned : process.execPath;
}
