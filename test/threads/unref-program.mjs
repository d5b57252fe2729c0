// Clients whose handshakes are not answered, and that nobody stays for: the process has to end. `node unref-program.mjs`.
import { once } from 'node:events';
import net from 'node:net';
import { connect, setHandshakeThreads } from '../../src/index.ts';

setHandshakeThreads(1);
const silent = net.createServer((socket) => socket.unref()).unref();
silent.listen(0, '127.0.0.1');
await once(silent, 'listening');
const where = { port: silent.address().port, host: '127.0.0.1' };
connect(where).unref();
const second = connect(where);
await once(second, 'connect');
second.unref();
const below = net.connect(where);
await once(below, 'connect');
connect({ socket: below.unref() });
const stays = connect(where);
await once(stays, 'connect');
stays.unref().ref().unref();
process.stdout.write('nobody stays');
