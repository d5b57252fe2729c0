// Remembers from which inputs a step's outputs were made.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, build } from './paths.mjs';

export function isCurrent(step) {
  return step.outputs.every((path) => existsSync(at(path))) && read(step) === fingerprint(step);
}

export function invalidate(step) {
  rmSync(file(step), { force: true });
}

// Only after success, and in one move: an interrupted step leaves no stamp. `fingerprint` is the one taken before the
// step ran, so that an input edited meanwhile counts as new.
export function write(step, fingerprint) {
  mkdirSync(build('stamps'), { recursive: true });
  writeFileSync(`${file(step)}.new`, fingerprint);
  renameSync(`${file(step)}.new`, file(step));
}

// A step's inputs are { files: paths of files or folders, values: anything that JSON can hold }.
export function fingerprint(step) {
  const hash = createHash('sha256');
  const { files = [], values = [] } = step.inputs();
  hash.update(JSON.stringify(values));
  for (const path of files.flatMap(filesUnder)) {
    hash.update(`\0${path}\0`);
    hash.update(readFileSync(at(path)));
  }
  return hash.digest('hex');
}

export function filesUnder(path) {
  if (!existsSync(at(path))) return [];
  if (!statSync(at(path)).isDirectory()) return [path];
  return readdirSync(at(path))
    .sort()
    .flatMap((name) => filesUnder(join(path, name)));
}

function read(step) {
  return existsSync(file(step)) ? readFileSync(file(step), 'utf8') : undefined;
}

function file(step) {
  return build('stamps', step.name);
}
