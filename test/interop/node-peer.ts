// node:tls as a program: `node-peer.ts client PORT CA` or `node-peer.ts server PORT CERT KEY`; stdin out, what comes in to stdout.
import { readFileSync } from 'node:fs';
import tls from 'node:tls';

const [role, port, ...files] = process.argv.slice(2);
const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = files.map((file) => readFileSync(file));

function join(socket: tls.TLSSocket): void {
  process.stdin.pipe(socket).pipe(process.stdout);
}

if (role === 'client') {
  const socket = tls.connect({ host: '127.0.0.1', port: Number(port), servername: 'localhost', ca: first });
  socket.on('secureConnect', () => join(socket));
} else {
  tls.createServer({ cert: first, key: second }, join).listen(Number(port), '127.0.0.1');
}
