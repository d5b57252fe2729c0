// node --import ktls/register register-program.mjs FOLDER: an application as it is, express and node:https, that serves a folder. Says its port.
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import express from 'express';

const [, , folder] = process.argv;
const read = (name) => readFileSync(join(folder, name));
const app = express().use(express.static(folder));
const server = https.createServer({ key: read('key.pem'), cert: read('cert.pem'), maxVersion: 'TLSv1.2' }, app);
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.stdin.resume().on('end', () => process.exit());
