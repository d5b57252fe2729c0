// node smtp-starttls.mjs HOST PORT CA: asks a mail server what it can do under TLS (RFC 3207). Nothing that was read before TLS began counts afterwards.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'ktls';

const [host, port, authority] = process.argv.slice(2);
const plain = net.connect({ host, port: Number(port) });

/** A reply may have several lines; the last one has a space behind its code (RFC 5321 §4.2.1). */
async function reply(socket, command) {
  if (command) socket.write(`${command}\r\n`);
  let text = '';
  while (!/^\d{3} .*\r\n$/m.test(text)) text += (await once(socket, 'data'))[0];
  return text;
}

await reply(plain);
if (!/STARTTLS/i.test(await reply(plain, 'EHLO client.example'))) throw new Error('the server has no STARTTLS');
const ready = await reply(plain, 'STARTTLS');
// More than one line here was put in by somebody in between.
if (!/^220 [^\n]*\n$/.test(ready)) throw new Error(`STARTTLS was answered with ${JSON.stringify(ready)}`);

const secure = tls.connect({ socket: plain, host, ca: readFileSync(authority) });
await once(secure, 'secureConnect');
console.log(secure.getProtocol());
console.log(await reply(secure, 'EHLO client.example'));
await reply(secure, 'QUIT');
secure.end();
