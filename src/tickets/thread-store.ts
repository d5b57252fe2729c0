import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';
import { AskedStore, answerFrom } from './asked-store.ts';
import { memoryStore } from './memory-store.ts';
import type { SharedStore } from './shared-store.ts';

/**
 * A store that the main thread holds for the threads of node:worker_threads. The main thread has to call this, too, before it starts them. Requests go
 * over a BroadcastChannel called `ktls/tickets`, which does not keep a thread alive.
 *
 * @example
 * import { isMainThread, Worker } from 'node:worker_threads';
 * const store = threadStore();
 * if (isMainThread) for (let n = 0; n < 4; n++) new Worker(new URL(import.meta.url));
 * else createServer({ key, cert, ticketKeyring: createTicketKeyring({ store }) }).listen({ port: 443, reusePort: true });
 */
export function threadStore(): SharedStore {
  made ??= isMainThread ? servingStore() : storeOfMainThread();
  return made;
}

/** One for each thread. */
let made: SharedStore | undefined;

function servingStore(): SharedStore {
  const store = memoryStore();
  const channel = channelOf((message) => answerFrom(store, message, (answer) => channel.postMessage(answer)));
  return store;
}

function storeOfMainThread(): SharedStore {
  const store = new AskedStore(String(threadId), (message) => channel.postMessage(message));
  const channel = channelOf((message) => store.take(message));
  return store;
}

function channelOf(take: (message: unknown) => void): BroadcastChannel {
  const channel = new BroadcastChannel('ktls/tickets');
  channel.onmessage = (event: unknown) => take(Reflect.get(Object(event), 'data'));
  channel.unref();
  return channel;
}
