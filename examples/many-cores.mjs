// node many-cores.mjs cluster|threads [COUNT] [PORT]: a server on one port in so many processes of node:cluster, or in so many threads, which have the keys of
// their session tickets in common: a client that comes again is resumed, whoever takes it. key.pem and cert.pem are the server's.
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createServer } from 'ktls';
import { clusterStore, createTicketKeyring, threadStore } from 'ktls/tickets';

const [kind, count = availableParallelism(), port = '8443'] = process.argv.slice(2);
// Before the first of the others begins: whoever is asked has it.
const store = kind === 'cluster' ? clusterStore() : threadStore();

async function serve(options) {
  const ticketKeyring = createTicketKeyring({ store });
  ticketKeyring.on('failed', (error) => console.error(error.message));
  await ticketKeyring.ready();
  const server = createServer({ key: readFileSync('key.pem'), cert: readFileSync('cert.pem'), ticketKeyring });
  server.on('secureConnection', (socket) => {
    // Clients may go before they have read all.
    socket.on('error', ({ code, message }) => ['EPIPE', 'ECONNRESET'].includes(code) || console.error(message));
    socket.end(`${process.pid} ${workerData?.number ?? ''}\n`);
  });
  await new Promise((resolve) => server.listen(options, resolve));
  return server.address().port;
}

if (kind === 'cluster' && cluster.isPrimary) {
  const workers = Array.from({ length: Number(count) }, () => cluster.fork());
  const listening = workers.map((worker) => new Promise((resolve) => worker.once('listening', resolve)));
  const [address] = await Promise.all(listening);
  console.log(`listening on ${address.port}`);
} else if (kind === 'cluster') {
  await serve({ port: Number(port) });
} else if (isMainThread) {
  // The system gives each new connection to one of those that listen on the same port. The first may have to find it.
  let found = Number(port);
  for (let number = 0; number < Number(count); number++) {
    const worker = new Worker(new URL(import.meta.url), {
      argv: process.argv.slice(2),
      workerData: { number, port: found },
    });
    found = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  }
  console.log(`listening on ${found}`);
} else {
  parentPort.postMessage(await serve({ port: workerData.port, reusePort: true }));
}
