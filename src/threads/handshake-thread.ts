import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { SecureContext } from '../context/secure-context.ts';
import { followTicketKeys, portableOf, revisionOf, type TicketKeyFollower } from '../context/secure-context.ts';
import { apart } from '../errors/apart.ts';
import { defaultRoots } from '../platform/openssl/default-roots.ts';
import { packageFile } from '../platform/package-file.ts';
import { copySecret } from '../protocol/secret-bytes.ts';
import {
  type Asked,
  hasEnded,
  type Order,
  type Question,
  type Report,
  type Told,
  toSend,
  type WorkerStart,
  wipeOrder,
} from './messages.ts';
import { asThrown, threadLost, thrownBy } from './thrown.ts';

/** Who hears of a handshake in a thread. */
export interface ThreadListener {
  report(report: Report): void;
  /** The thread has ended. */
  lost(error: Error): void;
}

/** A context that a worker was given. */
interface KnownContext {
  readonly number: number;
  /** How it was then. */
  revision: number | undefined;
  /** Kept here, as the context does not. */
  readonly follow: TicketKeyFollower;
}

/** A worker thread that runs handshakes, as the main thread sees it. */
export class HandshakeThread {
  readonly #worker: Worker;
  readonly #answers: MessagePort;
  readonly #isReady = new Int32Array(new SharedArrayBuffer(4));
  /** A socket that nobody has any more can be collected, with its listener. */
  readonly #listeners = new Map<number, WeakRef<ThreadListener>>();
  readonly #abandoned = new FinalizationRegistry<number>((id) => this.leave(id));
  /** Those that wait for an answer. */
  readonly #busy = new Set<ThreadListener>();
  /** By handshake: descriptors that the worker has not done with. */
  readonly #lent = new Map<number, { close(): void }>();
  readonly #contexts = new WeakMap<SecureContext, KnownContext>();
  readonly #forgotten = new FinalizationRegistry<number>((context) => this.send({ kind: 'forget', context }));
  readonly #onGone: () => void;
  #roots: object | undefined;
  #orders: Order[] = [];
  #last = 0;
  #waiting = 0;
  #questions = 0;
  #isGone = false;

  /** `onGone`: it has ended, by itself or because of a fault, and takes nothing more. */
  constructor(onGone: () => void) {
    const { port1, port2 } = new MessageChannel();
    this.#answers = port1;
    port1.unref();
    this.#onGone = onGone;
    const workerData: WorkerStart = { answers: port2, ready: this.#isReady.buffer };
    this.#worker = new Worker(program(), { workerData, transferList: [port2], execArgv: [], name: 'ktls handshakes' });
    let cause: unknown;
    this.#worker.on('error', (error) => {
      cause = error;
    });
    this.#worker.on('message', (reports: readonly Report[]) => this.#take(reports));
    this.#worker.on('exit', () => this.#end(threadLost('has ended', cause)));
    this.#worker.unref();
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Handshakes that it has. */
  get load(): number {
    return this.#listeners.size;
  }

  /** Resolves once it has ended. For tests. */
  async terminate(): Promise<void> {
    this.#takeNoMore();
    await this.#worker.terminate();
  }

  /** A number for a handshake, whose listener hears of it until {@link leave}, or as long as somebody else has it. */
  enter(listener: ThreadListener): number {
    const id = ++this.#last;
    this.#listeners.set(id, new WeakRef(listener));
    this.#abandoned.register(listener, id);
    return id;
  }

  /** It waits for an answer, or no more: meanwhile nobody else needs to have it. */
  hold(listener: ThreadListener, waits: boolean): void {
    if (waits) this.#busy.add(listener);
    else this.#busy.delete(listener);
  }

  /** Nobody waits for it any more. */
  leave(id: number): void {
    if (this.#listeners.delete(id)) this.send({ kind: 'leave', id });
  }

  /** Another descriptor may be lent: each takes two more of the process's until its handshake is done. */
  get canBorrow(): boolean {
    return lentInAll < mostLent;
  }

  /** Closes a handshake's descriptor when the worker has done with it. */
  lend(id: number, descriptor: { close(): void }): void {
    this.#lent.set(id, descriptor);
    lentInAll++;
  }

  /** A context as the worker knows it, which is told how it is now. */
  contextNumber(context: SecureContext): number {
    const revision = revisionOf(context);
    const known = this.#contexts.get(context) ?? this.#meet(context);
    if (known.revision === revision) return known.number;
    known.revision = revision;
    this.send({ kind: 'context', context: known.number, portable: portableOf(context) });
    return known.number;
  }

  #meet(context: SecureContext): KnownContext {
    const number = ++this.#last;
    const follow: TicketKeyFollower = (keys, sealing) => {
      this.send({ kind: 'ticketKeys', context: number, keys: copySecret(keys), sealing });
      // Before anything that comes later from a peer.
      this.#flush();
    };
    const known = { number, revision: undefined, follow };
    this.#contexts.set(context, known);
    this.#forgotten.register(context, number);
    followTicketKeys(context, follow);
    return known;
  }

  /** The default certificates as they are now. */
  tellRoots(): void {
    const roots = defaultRoots();
    if (roots === this.#roots) return;
    this.#roots = roots;
    this.send({ kind: 'roots', certificates: roots.certificates });
  }

  /** In order with all others. */
  send(order: Order): void {
    if (this.#isGone) {
      wipeOrder(order);
      return;
    }
    this.#orders.push(order);
    if (this.#orders.length === 1) setImmediate(() => this.#flush());
  }

  /** While somebody waits for it, the process stays. */
  expect(change: 1 | -1): void {
    this.#waiting += change;
    if (this.#isGone) return;
    if (this.#waiting === 1 && change === 1) this.#worker.ref();
    else if (this.#waiting === 0) this.#worker.unref();
  }

  /**
   * Waits for the worker, which answers between two of its steps. Throws what it threw, and {@link InstanceLost} where it does not answer: it is then
   * given up, and fails all its connections.
   */
  ask(question: Question): unknown {
    if (this.#isGone) throw threadLost('has ended');
    this.#flush();
    this.#questions = (this.#questions % 0x7fffffff) + 1;
    const number = this.#questions;
    this.#worker.postMessage({ ...question, number } satisfies Asked);
    const told = this.#answerTo(number);
    if ('error' in told) throw asThrown(told.error);
    return told.value;
  }

  #answerTo(number: number): Told {
    const end = performance.now() + patience;
    for (let seen = Atomics.load(this.#isReady, 0); seen !== number; seen = Atomics.load(this.#isReady, 0)) {
      const left = end - performance.now();
      if (seen === hasEnded || left <= 0) this.#giveUp(seen === hasEnded ? 'has ended' : 'does not answer');
      Atomics.wait(this.#isReady, 0, seen, left);
    }
    const told: Told | undefined = receiveMessageOnPort(this.#answers)?.message;
    return told ?? this.#giveUp('has said nothing');
  }

  #giveUp(why: string): never {
    this.#takeNoMore();
    // What it has, it has until it has ended.
    void this.#worker.terminate();
    throw threadLost(why);
  }

  #takeNoMore(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    for (const order of this.#orders) wipeOrder(order);
    this.#orders = [];
    this.#onGone();
  }

  #flush(): void {
    const orders = this.#orders;
    this.#orders = [];
    if (orders.length === 0 || this.#isGone) return;
    try {
      this.#post(orders);
    } catch {
      // Something in it cannot be sent: that is no matter of the others.
      for (const order of orders) this.#postAlone(order);
    }
  }

  #postAlone(order: Order): void {
    try {
      this.#post([order]);
    } catch (error) {
      wipeOrder(order);
      if (!('id' in order)) return;
      this.#deliver({ kind: 'refused', id: order.id, error: thrownBy(error) });
      this.#giveBack(order.id);
    }
  }

  #post(orders: readonly Order[]): void {
    const { sent, moved } = toSend(orders);
    this.#worker.postMessage(sent, moved);
    for (const order of orders) wipeOrder(order);
  }

  #giveBack(id: number): void {
    this.#lent.get(id)?.close();
    if (this.#lent.delete(id)) lentInAll--;
  }

  #take(reports: readonly Report[]): void {
    for (const report of reports) {
      const isBack = report.kind === 'closed' || ('rest' in report && report.rest !== undefined);
      if (isBack) this.#giveBack(report.id);
      if (report.kind !== 'closed') this.#deliver(report);
    }
  }

  #deliver(report: Report): void {
    const listener = this.#listeners.get(report.id)?.deref();
    if (listener) apart(() => listener.report(report));
    else if ('log' in report) report.log?.fill(0);
  }

  #end(error: Error): void {
    this.#takeNoMore();
    // What it held nobody has any more.
    for (const id of [...this.#lent.keys()]) this.#giveBack(id);
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listener of listeners) apart(() => listener.deref()?.lost(error));
  }
}

/** Beside this module where it is not compiled, else where the package has it. */
function program(): URL {
  return import.meta.url.endsWith('.ts')
    ? new URL('./worker.ts', import.meta.url)
    : packageFile('dist/threads/worker.js');
}

/** Descriptors, so that peers who wait in the middle of handshakes do not use up all there are. Further handshakes have their records passed on. */
const mostLent = 128;
/** By all threads. */
let lentInAll = 0;
/** Milliseconds. */
const patience = 10_000;
