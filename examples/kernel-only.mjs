// node kernel-only.mjs HOST PORT CA: connects, and fails with ERR_KTLS_REQUIRED unless Linux seals what is sent. What is received may be opened in this process.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import tls from 'ktls';

const [host, port, authority] = process.argv.slice(2);
const socket = tls.connect({
  host,
  port: Number(port),
  ca: readFileSync(authority),
  ktls: { write: 'require', withoutRekey: true },
});
try {
  await once(socket, 'secureConnect');
  console.log(socket.getProtocol(), socket.recordLayer.write);
  socket.end();
} catch (error) {
  console.error(error.code, error.message);
  process.exitCode = 1;
}
