// node websocket-server.mjs KEY CERT: prints its port. Sends back what it gets.
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { WebSocketServer } from 'ws';

const [key, cert] = process.argv.slice(2).map((file) => readFileSync(file));
const server = https.createServer({ key, cert });
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
