// node hand-over.mjs CERT KEY: a server that shakes hands, and then hands each connection's sending half to send.py.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import tls from 'ktls';
import { toCryptoInfo } from 'ktls/keys';

const [cert, key] = process.argv.slice(2).map((file) => readFileSync(file));
const secureContext = tls.createSecureContext({ cert, key });
const program = fileURLToPath(new URL('./send.py', import.meta.url));

const server = net.createServer({ pauseOnConnect: true }, async (tcp) => {
  // Not the kernel's yet: send.py is to give it the keys.
  const socket = new tls.TLSSocket(tcp, { isServer: true, secureContext, ktls: 'off', exportKeys: true });
  const [request] = await once(socket, 'data');

  const { write } = socket.exportKeys();
  const cryptoInfo = toCryptoInfo(write);
  console.log(`asked for ${String(request).trim()}; ${write.aead}, record ${write.sequenceNumber} is send.py's`);
  write.dispose();

  const child = spawn('python3', [program], { stdio: ['pipe', 'inherit', 'inherit', tcp] });
  child.stdin.end(cryptoInfo, () => cryptoInfo.fill(0));
  await once(child, 'exit');
  // Not end(): that would send a close_notify under a record number that send.py has used.
  socket.destroy();
  server.close();
});
server.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
