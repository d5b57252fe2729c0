// node postgresql-client.mjs PORT CA
import { readFileSync } from 'node:fs';
import pg from 'pg';

const [port, ca] = process.argv.slice(2);
const pool = new pg.Pool({
  host: 'localhost',
  port: Number(port),
  user: 'app',
  database: 'postgres',
  max: 2,
  ssl: { ca: readFileSync(ca, 'utf8') },
});
const {
  rows: [encryption],
} = await pool.query('select ssl, version, cipher from pg_stat_ssl where pid = pg_backend_pid()');
const {
  rows: [long],
} = await pool.query('select repeat($1, 2000000) as text', ['k']);
await pool.query('create temporary table t (id int, data bytea)');
const data = Buffer.alloc(1_000_000, 'ktls');
await pool.query('insert into t values ($1, $2)', [1, data]);
const {
  rows: [row],
} = await pool.query('select data from t');
await pool.end();
console.log(JSON.stringify({ ...encryption, length: long.text.length, same: row.data.equals(data) }));
