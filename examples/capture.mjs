// node capture.mjs HOST PORT CA: asks an HTTPS server for a page, keeps the packets with the secrets to read them in traffic.pcapng, and shows what was said.
// Whoever has that file can read the connection: it is for those who own one of its ends.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import tls from 'ktls';
import { captureTo, decrypt } from 'ktls/keys';

const [host, port, authority] = process.argv.slice(2);
const capture = captureTo('traffic.pcapng');
const socket = tls.connect({ host, port: Number(port), ca: readFileSync(authority), capture });
socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
await once(socket.resume(), 'close');
await capture.close();

const { conversations } = await decrypt('traffic.pcapng');
for (const { records } of conversations) {
  // 23: application data (RFC 8446 §5.1). Handshake and alerts are records, too.
  for (const { sender, type, plaintext } of records) {
    if (type === 23 && plaintext)
      console.log(`${sender}: ${Buffer.from(plaintext).toString('latin1').split('\r\n')[0]}`);
  }
}
