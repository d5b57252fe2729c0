// node socket-io-server.mjs KEY CERT: prints its port. Answers what it is sent.
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { Server } from 'socket.io';

const [keyFile, certFile] = process.argv.slice(2);
const server = https.createServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) });
new Server(server).on('connection', (socket) => {
  socket.on('message', (message, done) => done(message, socket.conn.transport.name, socket.handshake.secure));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
