// node smtp-server.mjs KEY CERT [CLIENTS [secure]]: prints its port, then what it was told, a message a line. Clear text until STARTTLS, unless
// `secure`. With CLIENTS, only who has a certificate of that authority may come in.
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

const [keyFile, certFile, clients, secure] = process.argv.slice(2);
const server = new SMTPServer({
  key: readFileSync(keyFile),
  cert: readFileSync(certFile),
  ...(clients && { ca: readFileSync(clients), requestCert: true, rejectUnauthorized: true }),
  secure: secure === 'secure',
  authOptional: true,
  async onData(stream, session, done) {
    const message = await text(stream);
    console.log(
      JSON.stringify({ secure: session.secure, version: session.tlsOptions.version, length: message.length }),
    );
    done();
  },
});
server.on('error', () => {});
server.listen(0, '127.0.0.1', () => console.log(server.server.address().port));
