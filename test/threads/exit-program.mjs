// A server and a client that shake hands in threads, and end: the process has to end with them. `node exit-program.mjs KEY CERT`.
import { readFileSync } from 'node:fs';
import { connect, createServer, setHandshakeThreads } from '../../src/index.ts';

setHandshakeThreads(2);
const [key, cert] = process.argv.slice(2).map((file) => readFileSync(file));
const server = createServer({ key, cert }, (socket) => socket.end('done'));
server.listen(0, '127.0.0.1', () => {
  const client = connect({ port: server.address().port, host: '127.0.0.1', servername: 'localhost', ca: cert });
  client.on('data', (text) => process.stdout.write(String(text)));
  client.on('close', () => server.close());
});
