import cluster from 'node:cluster';
import { AskedStore, answerFrom } from './asked-store.ts';
import { memoryStore } from './memory-store.ts';
import type { SharedStore } from './shared-store.ts';

/**
 * A store that the primary process of node:cluster holds for its workers. The primary has to call this, too, before it forks: nobody answers the
 * workers else. Where there are no workers, it is {@link memoryStore}. Requests go over the channel of node:cluster, where listeners to 'message'
 * see them, in both processes.
 *
 * @example
 * import cluster from 'node:cluster';
 * const store = clusterStore();
 * if (cluster.isPrimary) for (let n = 0; n < 4; n++) cluster.fork();
 * else createServer({ key, cert, ticketKeyring: createTicketKeyring({ store }) }).listen(443);
 */
export function clusterStore(): SharedStore {
  made ??= cluster.isWorker ? storeOfPrimary() : servingStore();
  return made;
}

/** One for each process. */
let made: SharedStore | undefined;

function servingStore(): SharedStore {
  const store = memoryStore();
  cluster.on('message', (worker, message: unknown) => {
    answerFrom(store, message, (answer) => {
      // A worker that has ended meanwhile waits for nothing.
      if (worker.isConnected()) worker.send(answer, () => {});
    });
  });
  return store;
}

function storeOfPrimary(): SharedStore {
  const store = new AskedStore('', (message, failed) => {
    if (!process.connected || !process.send) failed(new Error('the primary process is gone'));
    else process.send(message, undefined, undefined, (error: Error | null) => error && failed(error));
  });
  process.on('message', (message: unknown) => store.take(message));
  return store;
}
