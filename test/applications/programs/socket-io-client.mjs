// node socket-io-client.mjs URL: a message by each transport.
import { io } from 'socket.io-client';

const [url] = process.argv.slice(2);
const answers = [];
for (const transport of ['polling', 'websocket']) {
  const socket = io(url, { transports: [transport], forceNew: true, reconnection: false });
  const message = 'x'.repeat(50_000);
  const answered = await new Promise((resolve, reject) => {
    socket.on('connect_error', reject);
    socket.emit('message', message, (back, by, secure) => resolve({ same: back === message, by, secure }));
  });
  answers.push(answered);
  socket.disconnect();
}
console.log(JSON.stringify(answers));
process.exit();
