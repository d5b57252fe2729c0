import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { contextFrom, type SecureContext } from '../context/secure-context.ts';
import { loadAddon } from '../platform/addon/addon.ts';
import { adoptDefaultRoots } from '../platform/openssl/default-roots.ts';
import type { Asked, Order, Question, Report, Thrown, Told, WorkerStart } from './messages.ts';
import { thrownBy } from './thrown.ts';
import { WorkerHandshake } from './worker-handshake.ts';

/** What a thread for handshakes runs: it does what the main thread orders, and reports in batches. */
class HandshakeWorker {
  readonly #port: MessagePort;
  readonly #contexts = new Map<number, SecureContext>();
  /** What was in the place of those, for as long as handshakes use it. */
  readonly #replaced = new Map<number, WeakRef<SecureContext>[]>();
  readonly #handshakes = new Map<number, WorkerHandshake>();
  readonly #onMessage: (message: readonly Order[] | Asked) => void;
  #reports: Report[] = [];

  constructor(port: MessagePort, { answers, ready }: WorkerStart) {
    this.#port = port;
    const isReady = new Int32Array(ready);
    this.#onMessage = (message) => {
      if (isBatch(message)) {
        for (const order of message) this.#carryOut(order);
        return;
      }
      const { number } = message;
      const told: Told = { number, ...this.#tell(message) };
      answers.postMessage(told, transferred(told));
      Atomics.store(isReady, 0, number);
      Atomics.notify(isReady, 0);
    };
    port.on('message', this.#onMessage);
  }

  /** What was ordered before what is used next came. */
  #catchUp(): void {
    for (let next = receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port))
      this.#onMessage(next.message);
  }

  #carryOut(order: Order): void {
    switch (order.kind) {
      case 'context':
        this.#replace(order.context);
        this.#contexts.set(order.context, contextFrom(order.portable));
        break;
      case 'forget':
        this.#contexts.delete(order.context);
        this.#replaced.delete(order.context);
        break;
      case 'ticketKeys':
        for (const context of this.#allOf(order.context)) context.setTicketKeys(order.keys, order.sealing);
        order.keys.fill(0);
        break;
      case 'roots':
        adoptDefaultRoots(order.certificates);
        break;
      case 'open':
        this.#open(order);
        break;
      case 'leave':
        this.#handshakes.get(order.id)?.dispose();
        this.#handshakes.delete(order.id);
        break;
      default:
        this.#steer(order);
    }
  }

  #open({ id, context, setup, descriptor: number, readsExactly }: Order & { kind: 'open' }): void {
    const report = (told: Report): void => this.#report(told);
    const loaded = loadAddon();
    const calls = 'refused' in loaded ? undefined : loaded.addon.kernel;
    try {
      const handshake = new WorkerHandshake(id, this.#context(context), setup, report);
      this.#handshakes.set(id, handshake);
      if (number === undefined || !calls) return;
      handshake.carry({ number, readsExactly, calls, before: () => this.#catchUp() });
    } catch (error) {
      report({ kind: 'closed', id });
      report({ kind: 'refused', id, error: thrownBy(error) });
    }
  }

  #replace(number: number): void {
    const known = this.#contexts.get(number);
    const alive = (this.#replaced.get(number) ?? []).filter((one) => one.deref());
    if (known) this.#replaced.set(number, [...alive, new WeakRef(known)]);
  }

  *#allOf(number: number): Generator<SecureContext> {
    for (const one of [this.#contexts.get(number), ...(this.#replaced.get(number) ?? []).map((one) => one.deref())])
      if (one) yield one;
  }

  /** For a handshake that may have ended meanwhile: then nobody waits for an answer. */
  #steer(order: Exclude<Order, { kind: 'context' | 'forget' | 'ticketKeys' | 'roots' | 'open' | 'leave' }>): void {
    const handshake = this.#handshakes.get(order.id);
    if (!handshake) return;
    const { control } = handshake;
    try {
      switch (order.kind) {
        case 'sawData':
        case 'logKeys':
          control.port[order.kind]();
          break;
        case 'trace':
          control.trace();
          break;
        case 'choose':
          control.chooseContext(this.#context(order.context), order.scope);
          break;
        case 'identity':
          control.useIdentity(this.#context(order.context));
          break;
        case 'session':
          control.offerSession(order.bytes);
          order.bytes.fill(0);
          break;
        case 'staple':
          control.staple(order.bytes);
          break;
        default:
          handshake.call(order);
      }
    } catch (error) {
      this.#report({ kind: 'lost', id: order.id, error: thrownBy(error) });
    }
  }

  #tell(asked: Question): { readonly value: unknown } | { readonly error: Thrown } {
    const handshake = this.#handshakes.get(asked.id);
    try {
      if (!handshake) throw new Error('the handshake is over');
      const { inspection } = handshake.control.port;
      switch (asked.kind) {
        case 'inspect':
          return { value: inspection[asked.what] };
        case 'finishedMessage':
          return { value: inspection.finishedMessage(asked.side) };
        case 'export':
          return { value: inspection.exportKeyingMaterial(asked.length, asked.label, asked.context) };
      }
    } catch (error) {
      return { error: thrownBy(error) };
    }
  }

  #context(number: number): SecureContext {
    const context = this.#contexts.get(number);
    if (!context) throw new Error('this thread was not given the context');
    return context;
  }

  #report(report: Report): void {
    this.#reports.push(report);
    if (this.#reports.length === 1) setImmediate(() => this.#send());
  }

  #send(): void {
    const reports = this.#reports;
    this.#reports = [];
    // Moved and not copied, since there are keys in them.
    const moved = reports.flatMap((report) => (report.kind === 'answer' && report.log ? [report.log.buffer] : []));
    this.#port.postMessage(reports, moved);
  }
}

function isBatch(message: readonly Order[] | Asked): message is readonly Order[] {
  return Array.isArray(message);
}

/** What is secret in it is moved. */
function transferred(told: Told): ArrayBuffer[] {
  const value = 'value' in told ? told.value : undefined;
  return value instanceof Uint8Array && value.buffer instanceof ArrayBuffer && value.length === value.buffer.byteLength
    ? [value.buffer]
    : [];
}

if (parentPort) new HandshakeWorker(parentPort, workerData);
