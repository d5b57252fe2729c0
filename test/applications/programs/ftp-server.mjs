// node ftp-server.mjs KEY CERT FOLDER: prints its port. Clear text until AUTH TLS.
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { FtpSrv } from 'ftp-srv';

const [keyFile, certFile, folder] = process.argv.slice(2);
const probe = net.createServer().listen(0, '127.0.0.1');
await new Promise((resolve) => probe.once('listening', resolve));
const { port } = probe.address();
await new Promise((resolve) => probe.close(resolve));
const silent = new Proxy({}, { get: (_, name) => (name === 'child' ? () => silent : () => {}) });
const server = new FtpSrv({
  url: `ftp://127.0.0.1:${port}`,
  pasv_url: '127.0.0.1',
  anonymous: true,
  tls: { key: readFileSync(keyFile), cert: readFileSync(certFile) },
  log: silent,
});
server.on('login', (_, resolve) => resolve({ root: folder }));
await server.listen();
console.log(port);
