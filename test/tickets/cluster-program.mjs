// A primary and its workers, each of which tells the key that its server would seal with: `node cluster-program.mjs WORKERS`.
import cluster from 'node:cluster';
import { clusterStore, createTicketKeyring } from '../../src/tickets.ts';

const store = clusterStore();

if (cluster.isPrimary) {
  const count = Number(process.argv[2]);
  const keys = [await keyOf(createTicketKeyring({ store }))];
  cluster.on('message', (worker, message) => {
    if (typeof message.key !== 'string') return;
    keys.push(message.key);
    worker.disconnect();
    if (keys.length <= count) return;
    console.log(JSON.stringify(keys));
  });
  for (let n = 0; n < count; n++) cluster.fork();
} else {
  const key = await keyOf(createTicketKeyring({ store, ...(process.env.SECRET && { secret: process.env.SECRET }) }));
  process.send({ key });
}

async function keyOf(keyring) {
  const isShared = await keyring.ready();
  let key = '';
  keyring.supply({
    setTicketKeys(keys, sealing) {
      key = Buffer.from(keys.subarray(sealing * 48, sealing * 48 + 48)).toString('hex');
    },
  });
  return isShared ? key : 'not shared';
}
