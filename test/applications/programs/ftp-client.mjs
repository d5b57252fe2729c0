// node ftp-client.mjs PORT CA [secure|STARTTLS]: a file there and back, control and data both by TLS.
import { readFileSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Client } from 'basic-ftp';

const [port, caFile, how] = process.argv.slice(2);
const client = new Client(5000);
const secureOptions = { ca: readFileSync(caFile), servername: 'localhost' };
const secure = how === 'secure' ? 'implicit' : true;
await client.access({ host: '127.0.0.1', port: Number(port), secure, secureOptions });
const content = 'x'.repeat(200_000);
await client.uploadFrom(Readable.from([content]), 'file.txt');
const names = (await client.list()).map(({ name }) => name);
const back = new PassThrough();
const [read] = await Promise.all([text(back), client.downloadTo(back, 'file.txt')]);
const { encrypted, authorized } = client.ftp.socket;
client.close();
console.log(JSON.stringify({ names, same: read === content, encrypted, authorized }));
