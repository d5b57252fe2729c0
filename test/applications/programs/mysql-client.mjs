// node mysql-client.mjs PORT CA
import { readFileSync } from 'node:fs';
import mysql from 'mysql2/promise';

const [port, ca] = process.argv.slice(2);
const connection = await mysql.createConnection({
  host: 'localhost',
  port: Number(port),
  user: 'root',
  ssl: { ca: readFileSync(ca, 'utf8') },
});
const [[version]] = await connection.query("show status like 'Ssl_version'");
const [[long]] = await connection.execute('select repeat(?, 2000000) as text', ['k']);
await connection.end();
console.log(JSON.stringify({ version: version.Value, length: long.text.length }));
