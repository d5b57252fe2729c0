// node smtp-server.mjs KEY CERT: prints its port, then what it was told, a message a line. Clear text until STARTTLS.
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

const [key, cert] = process.argv.slice(2).map((file) => readFileSync(file));
const server = new SMTPServer({
  key,
  cert,
  authOptional: true,
  async onData(stream, session, done) {
    const message = await text(stream);
    console.log(
      JSON.stringify({ secure: session.secure, version: session.tlsOptions.version, length: message.length }),
    );
    done();
  },
});
server.listen(0, '127.0.0.1', () => console.log(server.server.address().port));
