// node global-websocket-client.mjs URL: by the WebSocket that Node.js has itself, messages of several sizes, there and back.
import { randomBytes } from 'node:crypto';

const next = (socket, name) =>
  new Promise((resolve, reject) => {
    socket.addEventListener(name, resolve, { once: true });
    socket.addEventListener('error', ({ error }) => reject(error), { once: true });
  });

const socket = new WebSocket(process.argv[2]);
socket.binaryType = 'arraybuffer';
await next(socket, 'open');
let same = 0;
for (const length of [0, 1, 125, 126, 65_536, 1_000_000]) {
  const sent = randomBytes(length);
  socket.send(sent);
  const { data } = await next(socket, 'message');
  if (sent.equals(Buffer.from(data))) same++;
}
socket.close(1000, 'done');
const { code } = await next(socket, 'close');
console.log(JSON.stringify({ same, code }));
