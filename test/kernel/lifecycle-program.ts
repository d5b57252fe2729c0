// Scenarios that need a process of their own: node lifecycle-program.ts terminate|exit|abandon|unref|cluster
import cluster from 'node:cluster';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import * as ktls from '../../src/index.ts';
import { kernelOnly } from './cells.ts';
import { identity } from './identity.ts';

/** A server that echoes, and one connection to it. */
async function open(): Promise<{ server: ktls.Server; client: ktls.TLSSocket; accepted: ktls.TLSSocket }> {
  const server = ktls.createServer({ ...identity, ktls: kernelOnly }, (socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'secureConnection');
  const client = ktls.connect({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: identity.cert,
    ktls: kernelOnly,
  });
  client.on('error', () => {});
  await once(client, 'secureConnect');
  if (!client.ktlsSend || !client.ktlsRecv) throw new Error('not in the kernel');
  return { server, client, accepted: (await accepted)[0] };
}

/** Writes for ever. */
function flood(socket: ktls.TLSSocket): void {
  const chunk = Buffer.alloc(100_000);
  const more = (): void => void (socket.destroyed || socket.write(chunk, more));
  more();
  socket.resume();
}

const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  async terminate() {
    const worker = new Worker(fileURLToPath(import.meta.url), { argv: ['terminate'] });
    await once(worker, 'message');
    await worker.terminate();
    console.log('the worker ended and the process goes on');
  },
  async exit() {
    const { client } = await open();
    flood(client);
    console.log('secure');
    process.exit(0);
  },
  async abandon() {
    const { gc } = globalThis;
    if (!gc) throw new Error('--expose-gc');
    let left = 5;
    const registry = new FinalizationRegistry(() => left--);
    const abandonOne = async (): Promise<void> => {
      const { server, client, accepted } = await open();
      registry.register(client, undefined);
      // The peer goes away, nobody listens, and nobody holds the socket.
      accepted.destroy();
      client.resume();
      server.close();
    };
    for (let i = left; i > 0; i--) await abandonOne();
    for (let turn = 0; left > 0 && turn < 50; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      gc();
    }
    console.log(left === 0 ? 'all were collected' : `${left} are left`);
    process.exit(0);
  },
  async unref() {
    const { server, client, accepted } = await open();
    const timer = setTimeout(() => console.log('was held'), 30_000).unref();
    client.unref();
    accepted.unref();
    server.unref();
    client.ref();
    client.write('x');
    await once(client, 'data');
    client.unref();
    clearTimeout(timer);
    console.log('ended by itself');
  },
  /** The primary accepts and hands each connection's descriptor to a worker, which shares its ticket keys with the others. */
  async cluster() {
    if (cluster.isWorker) {
      const shared: typeof identity = JSON.parse(process.env.IDENTITY ?? '');
      const server = ktls.createServer({ ...shared, ktls: kernelOnly }, (socket) => {
        const { read, write } = socket.recordLayer;
        socket.end(`${read} ${write} in worker ${cluster.worker?.id}, resumed: ${socket.isSessionReused()}`);
      });
      server.listen(0, '127.0.0.1');
      return;
    }
    const shared = { IDENTITY: JSON.stringify(identity) };
    const workers = [cluster.fork(shared), cluster.fork(shared)] as const;
    const [[address]] = await Promise.all([once(workers[0], 'listening'), once(workers[1], 'listening')]);
    const { port } = address as AddressInfo;
    let session: Buffer | undefined;
    for (let i = 0; i < workers.length * 2; i++) {
      const options = { port, host: '127.0.0.1', servername: 'localhost', ca: identity.cert, ktls: kernelOnly };
      const client = ktls.connect({ ...options, ...(session && { session }) });
      client.on('session', (state: Buffer) => {
        session = state;
      });
      console.log(await text(client));
    }
    for (const worker of workers) worker.kill();
  },
};

if (isMainThread) {
  await scenarios[process.argv[2] ?? '']?.();
} else {
  const { client } = await open();
  flood(client);
  parentPort?.postMessage('open');
}
