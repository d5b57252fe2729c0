// node imap-client.mjs PORT CA secure|STARTTLS: a letter put into a box and taken out again.
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { ImapFlow } from 'imapflow';

const [port, ca, how] = process.argv.slice(2);
const secure = how === 'secure';
const client = new ImapFlow({
  host: 'localhost',
  port: Number(port),
  secure,
  ...(!secure && { doSTARTTLS: true }),
  tls: { ca: readFileSync(ca) },
  auth: { user: `user-${process.pid}`, pass: 'secret' },
  logger: false,
});
await client.connect();
const letter = Buffer.from(`Subject: ktls\r\n\r\n${'line\r\n'.repeat(100_000)}`);
await client.append('INBOX', letter);
const lock = await client.getMailboxLock('INBOX');
const { exists } = client.mailbox;
const { content } = await client.download('1');
const same = letter.equals(await buffer(content));
const { envelope } = await client.fetchOne('1', { envelope: true });
lock.release();
const { secureConnection } = client;
await client.logout();
console.log(JSON.stringify({ secureConnection, exists, same, subject: envelope.subject }));
