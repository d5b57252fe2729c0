// `key-log-program.mjs CERT KEY COUNT`: as many connections to itself, one after the other, and a line on stdout for each.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import tls from 'ktls';

const [certFile, keyFile, count] = process.argv.slice(2);
const cert = readFileSync(certFile);
const server = tls.createServer({ cert, key: readFileSync(keyFile) }, (socket) => socket.pipe(socket));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
for (let i = 0; i < Number(count); i++) {
  const maxVersion = i % 2 === 0 ? 'TLSv1.3' : 'TLSv1.2';
  const client = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: cert, maxVersion });
  await once(client, 'secureConnect');
  if (client.getProtocol() === 'TLSv1.3') client.updateKeys({ requestPeer: true });
  client.resume().end('some data');
  await once(client, 'close');
  console.log(client.bytesRead);
}
server.close();
