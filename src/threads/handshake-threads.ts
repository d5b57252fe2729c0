import { checkInteger } from '../errors/checks.ts';
import { codedError } from '../errors/coded.ts';
import { HandshakeThread } from './handshake-thread.ts';

export type { HandshakeThread };

let byDefault = 0;
const threads: HandshakeThread[] = [];

/**
 * Runs the handshakes of this process, of clients and servers that do not say otherwise, in so many threads of their own. For connections that begin from
 * then on.
 *
 * @param count - 0 to 64; 0, the default, is the thread that the connections are in
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE; ERR_ACCESS_DENIED with `--permission` and without `--allow-worker`
 * @example
 * setHandshakeThreads(2);
 */
export function setHandshakeThreads(count: number): void {
  checkThreads(count);
  byDefault = count;
}

/** Throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE for what is no number of threads, and ERR_ACCESS_DENIED where there may be none. */
export function checkThreads(count: unknown): void {
  checkInteger('handshakeThreads', count, 0, mostThreads);
  if (count !== 0 && process.permission && !process.permission.has('worker'))
    throw codedError('ERR_ACCESS_DENIED', 'Threads for handshakes need --allow-worker');
}

/** The least busy of so many threads; undefined where there are to be none. They are started when they are first wanted, and shared by all who want some. */
export function handshakeThread(count: number = byDefault): HandshakeThread | undefined {
  if (count === 0) return undefined;
  const own = threads.slice(0, count);
  const idle = own.find(({ load }) => load === 0);
  if (idle) return idle;
  if (threads.length < count) return startThread();
  return own.reduce((least, one) => (one.load < least.load ? one : least));
}

function startThread(): HandshakeThread {
  const thread: HandshakeThread = new HandshakeThread(() => {
    const place = threads.indexOf(thread);
    if (place >= 0) threads.splice(place, 1);
  });
  threads.push(thread);
  return thread;
}

const mostThreads = 64;
