// The process that hostile peers attack: ours or node:tls. Arguments: which of them, the identity as JSON, the kind of peer.
import { once } from 'node:events';
import type net from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import nodeTls from 'node:tls';
import * as ktls from '../../src/index.ts';
import { Ends, listening } from './ends.ts';
import type { Cost, SubjectOrder } from './hostile-kinds.ts';

const [, , name, identityText = '{}', kind] = process.argv;
const identity: { cert: string; key: string } = JSON.parse(identityText);
const tls = name === 'node:tls' ? nodeTls : ktls;
const settings = kind === 'certificates' ? { requestCert: true, rejectUnauthorized: false } : {};
const ends = new Ends();
const server: net.Server = tls.createServer({ ...identity, ...settings });

/** Sends what there is room for, and whenever there is room again. */
function sendAll(socket: net.Socket): void {
  const block = Buffer.alloc(65_536);
  const fill = (): void => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on('drain', fill);
  fill();
}

server.on('secureConnection', (socket: net.Socket) => {
  socket.on('error', () => {});
  if (kind === 'not-reading') {
    sendAll(socket);
    return;
  }
  // The end of what the peer does is an exclamation mark, and is answered.
  socket.on('data', (chunk: Buffer) => {
    if (chunk.includes('!')) socket.write('!');
  });
});
server.on('tlsClientError', () => {});
server.on('connection', (socket: net.Socket) => ends.add(socket));

async function connectAll(port: number, count: number): Promise<void> {
  const secureContext = tls.createSecureContext({ ca: identity.cert });
  const one = async (): Promise<void> => {
    const socket: net.Socket = Reflect.apply(tls.connect, tls, [
      { port, host: '127.0.0.1', servername: 'localhost', secureContext },
    ]);
    socket.on('error', () => {}).on('session', () => {});
    open.push(socket);
    ends.add(socket);
    await new Promise<void>((resolve) => {
      socket.once('data', () => resolve()).once('close', () => resolve());
    });
  };
  await Promise.all(Array.from({ length: count }, one));
}

const open: net.Socket[] = [];
const delay = monitorEventLoopDelay({ resolution: 1 });
let begun = process.cpuUsage();

async function settled(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    await setImmediate();
  }
  return process.memoryUsage.rss();
}

async function obey(order: SubjectOrder): Promise<Cost | { connected: number }> {
  if (order.do === 'connect') {
    await connectAll(order.port, order.count);
    return { connected: open.length };
  }
  if (order.do === 'begin') {
    for (const socket of open.splice(0)) socket.destroy();
    await ends.none();
  }
  const { user, system } = process.cpuUsage(begun);
  const longestStop = delay.max / 1e6;
  const resident = await settled();
  if (order.do === 'begin') {
    delay.reset();
    delay.enable();
    begun = process.cpuUsage();
  }
  return { resident, longestStop, processor: (user + system) / 1000 };
}

process.on('message', async (order: SubjectOrder) => process.send?.(await obey(order)));
process.on('disconnect', () => process.exit());
process.send?.(await listening(server));
await once(process, 'disconnect');
