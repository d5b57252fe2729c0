// node watch-epochs.mjs CERT KEY: a server and a client that change keys, and what the client sees of it.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import tls from 'ktls';

const [cert, key] = process.argv.slice(2).map((file) => readFileSync(file));
const server = tls.createServer({ cert, key }, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
await once(server, 'listening');

const { port } = server.address();
const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: cert, exportKeys: true });
socket.on('keys', (keys) => {
  console.log(`  new keys: ${keys.direction}, epoch ${keys.epoch}, sent by the ${keys.sender}, on ${keys.recordLayer}`);
  keys.dispose();
});

const say = async (text) => {
  console.log(text);
  socket.write(text);
  await once(socket, 'data');
  const keys = socket.exportKeys();
  for (const { direction, epoch, sequenceNumber } of [keys.write, keys.read]) {
    console.log(`  ${direction}: epoch ${epoch}, next record ${sequenceNumber}`);
  }
  keys.dispose();
};

await once(socket, 'secureConnect');
await say('hello');
await say('hello again');
socket.updateKeys();
await say('with new keys of mine');
socket.updateKeys({ requestPeer: true });
await say('with new keys of both of us');
socket.end();
server.close();
