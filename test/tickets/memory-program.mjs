// A server whose keyring changes its keys each second: `node memory-program.mjs CERT KEY`. It tells its port, then what it puts into its store, and 'rotated' with the
// place of time whose key seals then, once the context that was there before has been collected.
import { readFileSync } from 'node:fs';
import { createServer } from '../../src/index.ts';
import { createTicketKeyring } from '../../src/tickets.ts';

const rotateEvery = 1000;
const [cert, key] = process.argv.slice(2).map((file) => readFileSync(file));
const say = (what) => console.log(JSON.stringify(what));
const values = new Map();
const store = {
  get: async (name) => values.get(name),
  add: async (name, value) => {
    if (values.has(name)) return;
    values.set(name, value);
    say({ epoch: Number(name.split(':').at(-1)), value });
  },
};
const ticketKeyring = createTicketKeyring({ store, rotateEvery });
await ticketKeyring.ready();
const server = createServer({ cert, key, ticketKeyring }, (socket) => socket.on('error', () => {}).end('x'));
// New credentials are a new context; the one before it has a copy of the keys, and is collected with it: that is told once it has been.
const collected = new FinalizationRegistry((rotated) => setImmediate(say, { rotated }));
ticketKeyring.on('rotated', () => {
  collected.register(server._sharedCreds, Math.floor(Date.now() / rotateEvery));
  server.setSecureContext({ cert, key });
});
setInterval(() => gc(), 100).unref();
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
