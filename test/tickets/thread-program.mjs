// Threads, each of which tells the key that its server would seal with: `node thread-program.mjs THREADS`.
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { createTicketKeyring, threadStore } from '../../src/tickets.ts';

const store = threadStore();
const keyring = createTicketKeyring({ store });
const isShared = await keyring.ready();
let key = '';
keyring.supply({
  setTicketKeys(keys, sealing) {
    key = Buffer.from(keys.subarray(sealing * 48, sealing * 48 + 48)).toString('hex');
  },
});
const told = isShared ? key : 'not shared';

if (isMainThread) {
  const workers = Array.from({ length: Number(process.argv[2]) }, () => new Worker(new URL(import.meta.url)));
  const keys = await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
  // By themselves the stores and keyrings keep nobody alive.
  console.log(JSON.stringify([told, ...keys]));
} else {
  parentPort.postMessage(told);
}
