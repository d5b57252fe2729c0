import type { SharedStore } from './shared-store.ts';

type Request =
  | { readonly id: string; readonly get: string }
  | { readonly id: string; readonly add: string; readonly value: string; readonly milliseconds: number };

interface Answer {
  readonly id: string;
  readonly value: string | undefined;
}

/** Answers `message` by `reply` if it asks for something of `store`, which does not fail. */
export function answerFrom(store: SharedStore, message: unknown, reply: (message: object) => void): void {
  const request = markedIn(message);
  if (request === undefined || !('get' in request || 'add' in request)) return;
  void answer(store, request).then(
    (value) => reply({ [mark]: { id: request.id, value } }),
    // As a store that is away: who has asked gives up in time.
    () => {},
  );
}

async function answer(store: SharedStore, request: Request): Promise<string | undefined> {
  if ('get' in request) return (await store.get(request.get)) ?? undefined;
  await store.add(request.add, request.value, request.milliseconds);
  return undefined;
}

/** A store that another process or thread has, which is asked by messages. */
export class AskedStore implements SharedStore {
  readonly #post: (message: object, failed: (error: Error) => void) => void;
  readonly #waiting = new Map<string, (value: string | undefined) => void>();
  /** Tells those apart who ask on the same channel. */
  readonly #name: string;
  #last = 0;

  /** `post`: sends a message to who has the store. */
  constructor(name: string, post: (message: object, failed: (error: Error) => void) => void) {
    this.#name = name;
    this.#post = post;
  }

  /** Takes a message that has come; others than answers to this store are passed over. */
  take(message: unknown): void {
    const answered = markedIn(message);
    if (answered === undefined || 'get' in answered || 'add' in answered) return;
    this.#waiting.get(answered.id)?.(answered.value);
    this.#waiting.delete(answered.id);
  }

  get(name: string): Promise<string | undefined> {
    return this.#ask((id) => ({ id, get: name }));
  }

  add(name: string, value: string, milliseconds: number): Promise<string | undefined> {
    return this.#ask((id) => ({ id, add: name, value, milliseconds }));
  }

  /** An answer that never comes is given up by whoever asks, and its place here some time later. */
  #ask(request: (id: string) => Request): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      const number = ++this.#last;
      const id = `${this.#name} ${number}`;
      this.#waiting.delete(`${this.#name} ${number - mostWaiting}`);
      this.#waiting.set(id, resolve);
      this.#post({ [mark]: request(id) }, reject);
    });
  }
}

/** Messages with this mark are of this module, in either direction. */
function markedIn(message: unknown): Request | Answer | undefined {
  const marked: unknown = typeof message === 'object' && message !== null ? Reflect.get(message, mark) : undefined;
  return isMarked(marked) ? marked : undefined;
}

/** What else has the mark is not ours, and no reason for a process to end. */
function isMarked(marked: unknown): marked is Request | Answer {
  if (typeof marked !== 'object' || marked === null || !('id' in marked) || typeof marked.id !== 'string') return false;
  if ('get' in marked) return typeof marked.get === 'string';
  const isText = 'value' in marked && typeof marked.value === 'string';
  if ('add' in marked)
    return typeof marked.add === 'string' && isText && 'milliseconds' in marked && isTime(marked.milliseconds);
  return isText || !('value' in marked) || marked.value === undefined;
}

function isTime(milliseconds: unknown): boolean {
  return typeof milliseconds === 'number' && milliseconds > 0;
}

const mark = 'ktls/tickets';
const mostWaiting = 1000;
