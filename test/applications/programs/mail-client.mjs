// node mail-client.mjs PORT CA [KEY CERT [secure]]
import { readFileSync } from 'node:fs';
import nodemailer from 'nodemailer';

const [port, ca, key, cert, secure] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host: 'localhost',
  port: Number(port),
  secure: secure === 'secure',
  requireTLS: true,
  tls: { ca: readFileSync(ca), ...(key && { key: readFileSync(key), cert: readFileSync(cert) }) },
});
const { accepted } = await transport.sendMail({
  from: 'a@example.org',
  to: 'b@example.org',
  subject: 'ktls',
  text: 'line\n'.repeat(50_000),
});
transport.close();
console.log(JSON.stringify({ accepted }));
