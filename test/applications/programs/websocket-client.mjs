// node websocket-client.mjs URL: messages of several sizes, there and back.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import WebSocket from 'ws';

const socket = new WebSocket(process.argv[2]);
await once(socket, 'open');
let same = 0;
for (const length of [0, 1, 125, 126, 65_536, 1_000_000]) {
  const sent = randomBytes(length);
  socket.send(sent);
  const [received] = await once(socket, 'message');
  if (sent.equals(received)) same++;
}
socket.close(1000, 'done');
const [code] = await once(socket, 'close');
console.log(JSON.stringify({ same, code }));
