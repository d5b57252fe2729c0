// One server of a fleet: node server.mjs BY HOST PORT CERT KEY [CLIENT REDIS_PORT SECRET ROTATE_EVERY]. BY: ktls, node:tls. CLIENT: of Redis. It prints its port, and
// then what goes wrong or changes. What it sends to its clients is its address.
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import * as ktls from '../../src/index.ts';
import { createTicketKeyring, redisStore } from '../../src/tickets.ts';

const [by, host, port, cert, key, client, redisPort, secret, rotateEvery] = process.argv.slice(2);
const say = (what) => console.log(JSON.stringify(what));
const identity = { cert: readFileSync(cert), key: readFileSync(key) };

const server =
  by === 'ktls' ? ktls.createServer({ ...identity, ticketKeyring: await keyring() }) : tls.createServer(identity);
server.on('secureConnection', (socket) => {
  socket.on('error', ({ code }) => say({ failed: code }));
  socket.end(host);
});
server.on('tlsClientError', ({ code }) => say({ failed: code }));
server.listen(Number(port), host, () => say({ port: server.address().port }));

async function keyring() {
  const made = createTicketKeyring({
    store: redisStore(await redis()),
    secret,
    rotateEvery: Number(rotateEvery),
    storeTimeout: 400,
  });
  made.on('rotated', () => say({ rotated: true }));
  made.on('failed', ({ message }) => say({ storeFailed: message }));
  made.on('recovered', () => say({ recovered: true }));
  await made.ready();
  return made;
}

async function redis() {
  if (client === 'ioredis') {
    const made = new Redis({ port: Number(redisPort), host: '127.0.0.1', retryStrategy: () => 100 });
    return made.on('error', () => {});
  }
  const socket = { port: Number(redisPort), host: '127.0.0.1', reconnectStrategy: () => 100 };
  const made = createClient({ socket }).on('error', () => {});
  await made.connect();
  return made;
}
