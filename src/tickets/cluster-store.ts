import cluster from 'node:cluster';
import { memoryStore } from './memory-store.ts';
import type { SharedStore } from './shared-store.ts';

type Request =
  | { readonly id: number; readonly get: string }
  | { readonly id: number; readonly add: string; readonly value: string; readonly milliseconds: number };

interface Answer {
  readonly id: number;
  readonly value: string | undefined;
}

/**
 * A store that the primary process of node:cluster holds for its workers. The primary has to call this, too, before it forks: nobody answers the
 * workers else. Where there are no workers, it is {@link memoryStore}. Requests go over the channel of node:cluster, where listeners to 'message'
 * see them, in both processes.
 *
 * @example
 * import cluster from 'node:cluster';
 * const store = clusterStore();
 * if (cluster.isPrimary) for (let n = 0; n < 4; n++) cluster.fork();
 * else createServer({ ...identity, ticketKeyring: createTicketKeyring({ store }) }).listen(443);
 */
export function clusterStore(): SharedStore {
  if (cluster.isWorker) {
    workers ??= storeOfPrimary();
    return workers;
  }
  primarys ??= servingStore();
  return primarys;
}

/** One for each process. */
let workers: SharedStore | undefined;
let primarys: SharedStore | undefined;

function servingStore(): SharedStore {
  const store = memoryStore();
  cluster.on('message', (worker, message: unknown) => {
    const request = requestIn(message);
    if (request === undefined) return;
    void answer(store, request).then((value) => {
      // A worker that has ended meanwhile waits for nothing.
      if (worker.isConnected()) worker.send({ [mark]: { id: request.id, value } }, () => {});
    });
  });
  return store;
}

async function answer(store: SharedStore, request: Request): Promise<string | undefined> {
  if ('get' in request) return (await store.get(request.get)) ?? undefined;
  await store.add(request.add, request.value, request.milliseconds);
  return undefined;
}

function storeOfPrimary(): SharedStore {
  const waiting = new Map<number, (value: string | undefined) => void>();
  let last = 0;
  process.on('message', (message: unknown) => {
    const answered = answerIn(message);
    if (answered === undefined) return;
    waiting.get(answered.id)?.(answered.value);
    waiting.delete(answered.id);
  });
  // An answer that never comes is given up by whoever asks, and its place here with the next.
  const ask = (request: (id: number) => Request): Promise<string | undefined> =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.delete(id - mostWaiting);
      waiting.set(id, resolve);
      const failed = (error: Error | null): void => {
        if (error) reject(error);
      };
      if (!process.connected || !process.send) failed(new Error('the primary process is gone'));
      else process.send({ [mark]: request(id) }, undefined, undefined, failed);
    });
  return {
    get: (name) => ask((id) => ({ id, get: name })),
    add: (name, value, milliseconds) => ask((id) => ({ id, add: name, value, milliseconds })),
  };
}

function requestIn(message: unknown): Request | undefined {
  const said = markedIn(message);
  return said && ('get' in said || 'add' in said) ? said : undefined;
}

function answerIn(message: unknown): Answer | undefined {
  const said = markedIn(message);
  return said && !('get' in said || 'add' in said) ? said : undefined;
}

/** Messages with this mark are of this module, in either direction. */
function markedIn(message: unknown): Request | Answer | undefined {
  return typeof message === 'object' && message !== null ? Reflect.get(message, mark) : undefined;
}

const mark = 'ktls/tickets';
const mostWaiting = 1000;
