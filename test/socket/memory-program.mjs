// `memory-program.mjs client PORT OPTIONS` or `memory-program.mjs server CERT KEY OPTIONS`: connections one after the other, OPTIONS being the
// library's in JSON, and `count`. Each changes its keys where it can, and is gone when the next begins. Then a line on stdout and what is in memory
// stays as it is, until stdin ends.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import tls from '../../src/index.ts';

const [role, ...words] = process.argv.slice(2);
const { count, ...options } = JSON.parse(words.pop());

async function use(socket) {
  socket.on('error', (error) => console.error(error));
  socket.on('keys', (keys) => keys.dispose());
  socket.resume();
  await once(socket, 'data');
  if (options.exportKeys) socket.exportKeys().dispose();
  if (socket.getProtocol() === 'TLSv1.3') socket.updateKeys({ requestPeer: true });
  socket.write('a');
  await once(socket, 'data');
  socket.end();
  if (!socket.closed) await once(socket, 'close');
}

// So that it can be told that what is in memory is found.
const canary = randomBytes(32);
if (role === 'client') {
  for (let i = 0; i < count; i++) {
    const port = Number(words[0]);
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    await use(socket);
  }
} else {
  const [cert, key] = words.map((file) => readFileSync(file));
  const server = tls.createServer({ cert, key, ...options });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  console.log(server.address().port);
  for (let i = 0; i < count; i++) await use((await once(server, 'secureConnection'))[0]);
  server.close();
}
// What node:crypto keeps of a key goes with its object.
for (let i = 0; i < 4; i++) {
  globalThis.gc();
  await new Promise((resolve) => setImmediate(resolve));
}
console.log(canary.toString('base64'));
process.stdin.resume();
await once(process.stdin, 'end');
canary.fill(0);
