import { createHash, randomFillSync } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { checkInteger } from '../errors/checks.ts';
import { typeError } from '../errors/coded.ts';
import { ticketStoreFailed } from '../errors/codes.ts';
import { publish } from '../observe/channels.ts';
import { copySecret, secretBytes } from '../protocol/secret-bytes.ts';
import { ahead, type HeldKeys, KeyWindow, ticketKeyLength } from './key-window.ts';
import { memoryStore } from './memory-store.ts';
import { SealedStore, secretIn } from './sealed-store.ts';
import { type SharedStore, within } from './shared-store.ts';

/** Options of {@link createTicketKeyring}. */
export interface TicketKeyringOptions {
  /** Where the keys are agreed on. Default: this process. */
  store?: SharedStore | undefined;
  /** Seals what is in the store: at least 16 bytes of chance, the same for all who share keys. Left out, it is not sealed. */
  secret?: string | NodeJS.ArrayBufferView | import('node:crypto').KeyObject;
  /** Milliseconds for which a key seals, 1,000 to 302,400,000 (half a week); it opens for as many behind that. Default 3,600,000, an hour. */
  rotateEvery?: number | undefined;
  /** What names in the store begin with: who shares keys says the same. Letters, digits and `_.:-`, at most 64. Default 'ktls'. */
  prefix?: string | undefined;
  /** Milliseconds that one question to the store may take. Default 5,000. */
  storeTimeout?: number | undefined;
}

interface Settings {
  readonly rotateEvery: number;
  readonly prefix: string;
  readonly storeTimeout: number;
}

/** Who has keys from a keyring: a server's context. */
export interface TicketKeyHolder {
  /** `keys`: 48 bytes each, in the order of their time; `sealing`: the place of the one that seals, all others only open. */
  setTicketKeys(keys: Uint8Array, sealing: number): void;
}

/** Events of a {@link TicketKeyring}. */
export interface TicketKeyringEvents {
  /** Another key seals from here on. */
  rotated: [];
  /** The store could not be asked, or its answer not be used; the keys that are known go on. The error's code is ERR_KTLS_TICKET_STORE. */
  failed: [error: Error];
  /** The store answers again. */
  recovered: [];
}

/**
 * Keys for session tickets, of any number of servers: `createServer({ ticketKeyring })`. They change by the clock: for each span of `rotateEvery`
 * since 1970 there is one, which whoever comes first puts into the store and everybody takes from there, two spans before it seals. So
 * machines whose clocks differ by less than a span open each other's tickets, and nobody's handshake waits for the store.
 */
export class TicketKeyring extends EventEmitter<TicketKeyringEvents> implements Disposable {
  /** The default of `sessionIdContext` for servers with this keyring: all that share it have the same. */
  readonly sessionIdContext: string;
  readonly #store: SealedStore;
  readonly #settings: Settings;
  readonly #keys = new KeyWindow();
  readonly #holders = new Set<WeakRef<TicketKeyHolder>>();
  readonly #ready: Promise<boolean>;
  #isAsking = false;
  #hasFailed = false;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  /** See {@link createTicketKeyring}. */
  constructor(options: TicketKeyringOptions = {}) {
    super();
    this.#settings = checked(options);
    this.#store = new SealedStore(options.store ?? memoryStore(), secretIn(options));
    this.sessionIdContext = createHash('sha256')
      .update(`ktls/tickets ${this.#settings.prefix}`)
      .digest('hex')
      .slice(0, 32);
    // Until the store has answered: a key that will be offered to it.
    this.#adopt(this.#epoch, newKey());
    this.#keys.turn(this.#epoch);
    this.#ready = this.#ask();
    this.#wait();
  }

  /** Resolves when the store was asked for the first time. False: it did not answer with all, and a key of this process alone is in use. */
  ready(): Promise<boolean> {
    return this.#ready;
  }

  /**
   * Gives a context its keys, and those that follow, for as long as it lives. Servers with the option `ticketKeyring` do that. A keyring that is closed
   * gives nothing: the context has a key of its own.
   */
  supply(holder: TicketKeyHolder): void {
    if (this.closed) return;
    this.#holders.add(new WeakRef(holder));
    this.#give([holder]);
  }

  /** Ends the rotation and wipes the keys. Servers that go on have a key of their own from here on, each another one. */
  close(): void {
    if (this.closed) return;
    this.#closing.abort();
    clearTimeout(this.#timer);
    this.#keys.clear();
    for (const holder of this.#living()) this.#giveTo(holder, { keys: newKey(), sealing: 0 });
    this.#holders.clear();
  }

  /** Whether it has been closed: servers then have keys of their own. */
  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #epoch(): number {
    return Math.floor(Date.now() / this.#settings.rotateEvery);
  }

  /** At the next change of keys, and often enough between to notice a store that has lost them. */
  #wait(): void {
    const { rotateEvery } = this.#settings;
    const untilChange = rotateEvery - (Date.now() % rotateEvery);
    this.#timer = setTimeout(
      () => {
        // What a listener throws must not be the end of it.
        this.#wait();
        void this.#ask();
        this.#turn();
      },
      Math.min(untilChange, Math.max(rotateEvery / 4, 250), longestWait),
    );
    this.#timer.unref();
  }

  /** Keys by the clock, of those that are known. */
  #turn(): void {
    if (this.closed) return;
    const isOther = this.#keys.turn(this.#epoch);
    this.#give(this.#living());
    if (!isOther) return;
    this.emit('rotated');
    publish('ticketsRotated', () => ({ keyring: this }));
  }

  /** False: something of it failed, which was told. */
  async #ask(): Promise<boolean> {
    if (this.#isAsking) return false;
    this.#isAsking = true;
    const now = this.#epoch;
    const epochs = Array.from({ length: ahead + 2 }, (_, n) => now - 1 + n);
    const answers = await Promise.allSettled(epochs.map((epoch) => this.#agree(epoch, now)));
    this.#isAsking = false;
    if (this.closed) return false;
    if (answers.some((answer) => answer.status === 'fulfilled' && answer.value)) this.#turn();
    const failure = answers.find((answer) => answer.status === 'rejected');
    if (failure) this.#failed(failure.reason);
    else if (this.#hasFailed) {
      this.#hasFailed = false;
      this.emit('recovered');
    }
    return failure === undefined;
  }

  /** Takes an epoch's key from the store, which is offered the one that is known, or a new one. True: it is not what was known. */
  async #agree(epoch: number, now: number): Promise<boolean> {
    const { prefix, rotateEvery, storeTimeout } = this.#settings;
    const name = `${prefix}:tickets:${rotateEvery}:${epoch}`;
    const { signal } = this.#closing;
    const ask = <Answer>(question: () => Promise<Answer>): Promise<Answer> => within(storeTimeout, question, signal);
    const known = this.#keys.key(epoch);
    let found = known ? undefined : await ask(() => this.#store.get(name, ticketKeyLength));
    if (!found) {
      if (!known && epoch < now) return false;
      const offered = known ? copySecret(known) : newKey();
      const milliseconds = Math.max((epoch + 2) * rotateEvery - Date.now(), 1);
      try {
        await ask(() => this.#store.add(name, offered, milliseconds));
      } finally {
        offered.fill(0);
      }
      found = await ask(() => this.#store.get(name, ticketKeyLength));
    }
    if (!found) throw new Error(`the store does not have ${name}, which was put there just now`);
    if (found.length !== ticketKeyLength) throw new Error(`what the store has under ${name} is no key`);
    return this.#adopt(epoch, found);
  }

  /** True: it was not known. The bytes are wiped. */
  #adopt(epoch: number, bytes: Uint8Array): boolean {
    const isNew = !this.closed && this.#keys.adopt(epoch, bytes);
    bytes.fill(0);
    return isNew;
  }

  #living(): TicketKeyHolder[] {
    const living: TicketKeyHolder[] = [];
    for (const reference of this.#holders) {
      const holder = reference.deref();
      if (holder) living.push(holder);
      else this.#holders.delete(reference);
    }
    return living;
  }

  #give(holders: readonly TicketKeyHolder[]): void {
    for (const holder of holders) {
      const held = this.#keys.held();
      if (held) this.#giveTo(holder, held);
    }
  }

  /** What one of them cannot take is no matter of the others. */
  #giveTo(holder: TicketKeyHolder, { keys, sealing }: HeldKeys): void {
    try {
      holder.setTicketKeys(keys, sealing);
    } catch (error) {
      this.#tell(error instanceof Error ? error : new Error(String(error)));
    } finally {
      keys.fill(0);
    }
  }

  #failed(cause: unknown): void {
    this.#hasFailed = true;
    this.#tell(ticketStoreFailed(cause));
  }

  #tell(error: Error): void {
    this.emit('failed', error);
    publish('ticketsFailed', () => ({ error }));
  }
}

/**
 * A keyring for `createServer({ ticketKeyring })`: keys for session tickets that change by the clock and are the same wherever the
 * same store is asked. It begins at once; `await keyring.ready()` before listening, so that the first tickets are good everywhere. While it is
 * waiting for the next change, it does not keep the process alive.
 *
 * @param options - all who share keys give the same `store`, `secret`, `rotateEvery` and `prefix`
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE and ERR_OUT_OF_RANGE for options that cannot be
 * @example
 * import { createServer } from 'ktls';
 * import { createTicketKeyring, redisStore } from 'ktls/tickets';
 * const ticketKeyring = createTicketKeyring({ store: redisStore(client), secret: process.env.TICKET_SECRET });
 * ticketKeyring.on('failed', (error) => console.warn(error.message));
 * await ticketKeyring.ready();
 * createServer({ key, cert, ticketKeyring }).listen(443);
 *
 * RFC 5077 §5.5: keys for tickets are to be changed; RFC 8446 §4.6.1: no ticket lives longer than a week.
 */
export function createTicketKeyring(options?: TicketKeyringOptions): TicketKeyring {
  return new TicketKeyring(options);
}

function newKey(): Uint8Array {
  return randomFillSync(secretBytes(ticketKeyLength));
}

function checked(options: TicketKeyringOptions): Settings {
  if (typeof options !== 'object' || options === null)
    throw typeError('ERR_INVALID_ARG_TYPE', 'The "options" argument must be an object');
  const { rotateEvery = 3_600_000, prefix = 'ktls', storeTimeout = 5_000 } = options;
  checkPrefix(prefix);
  checkInteger('rotateEvery', rotateEvery, 1_000, 302_400_000);
  checkInteger('storeTimeout', storeTimeout, 1, 60_000);
  return { rotateEvery, prefix, storeTimeout };
}

/** Throws ERR_INVALID_ARG_TYPE or ERR_INVALID_ARG_VALUE. */
export function checkPrefix(prefix: unknown): void {
  if (typeof prefix !== 'string') throw typeError('ERR_INVALID_ARG_TYPE', 'The option prefix must be a string');
  if (!/^[\w.:-]{1,64}$/.test(prefix))
    throw typeError('ERR_INVALID_ARG_VALUE', 'The option prefix must be 1 to 64 letters, digits or _.:-');
}

/** Milliseconds. */
const longestWait = 60_000;
