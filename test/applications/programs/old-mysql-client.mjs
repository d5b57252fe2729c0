// node old-mysql-client.mjs PORT CA: by mysql, which makes its TLSSocket by hand and asks it whether the server is trusted.
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import mysql from 'mysql';

const [port, ca] = process.argv.slice(2);
const connection = mysql.createConnection({
  host: 'localhost',
  port: Number(port),
  user: 'root',
  ssl: { ca: readFileSync(ca, 'utf8') },
});
const call = (name) => promisify(connection[name]).call(connection);
await call('connect');
await call('ping');
await call('end');
console.log(JSON.stringify({ pinged: true }));
