// BoringSSL, by Bun, as a peer: as peer.go.
import { readFileSync } from 'node:fs';
import tls from 'node:tls';

const [, , role, ...words] = process.argv;

function serve(cert, key) {
  const server = tls.createServer(
    { cert: readFileSync(cert), key: readFileSync(key), allowHalfOpen: true },
    (socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => socket.write(data));
      socket.on('end', () => socket.end('bye'));
    },
  );
  server.listen(0, '127.0.0.1', () => console.log(`version ${process.versions.bun}\nport ${server.address().port}`));
}

let session;

function visit(port, ca) {
  return new Promise((resolve, reject) => {
    const where = { port, host: '127.0.0.1', servername: 'localhost' };
    const socket = tls.connect({ ...where, ca: readFileSync(ca), allowHalfOpen: true, session });
    socket.on('session', (told) => {
      session = told;
    });
    let received = '';
    socket.on('error', reject);
    socket.on('secureConnect', () => socket.write('hello'));
    socket.on('data', (data) => {
      received += data;
      if (received === 'hello') socket.write('again');
      if (received === 'helloagain') socket.end();
    });
    socket.on('close', () => resolve(received.slice(10)));
  });
}

if (role === 'server') serve(...words);
else {
  const [port, ca, count] = words;
  for (let i = 0; i < Number(count); i++) console.log(`rest ${await visit(Number(port), ca)}`);
  process.exit(0);
}
