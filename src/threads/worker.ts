import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { contextFrom, type PortableContext, type SecureContext } from '../context/secure-context.ts';
import { loadAddon } from '../platform/addon/addon.ts';
import { adoptDefaultRoots } from '../platform/openssl/default-roots.ts';
import {
  type Asked,
  hasEnded,
  type Order,
  type Question,
  type Report,
  type Told,
  type WorkerStart,
} from './messages.ts';
import { thrownBy } from './thrown.ts';
import { WorkerHandshake } from './worker-handshake.ts';

/** What a thread for handshakes runs: it does what the main thread orders, and reports in batches. */
class HandshakeWorker {
  readonly #port: MessagePort;
  /** One that could not be made is why. */
  readonly #contexts = new Map<number, SecureContext | Unmade>();
  readonly #handshakes = new Map<number, WorkerHandshake>();
  readonly #answers: MessagePort;
  readonly #isReady: Int32Array;
  /** What is still to be carried out. */
  readonly #orders: Order[] = [];
  #reports: Report[] = [];

  constructor(port: MessagePort, { answers, ready }: WorkerStart) {
    this.#port = port;
    this.#answers = answers;
    this.#isReady = new Int32Array(ready);
    port.on('message', (message: readonly Order[] | Asked) => {
      this.#take(message);
      this.#catchUp();
    });
    process.on('exit', () => this.#wake(hasEnded));
  }

  /** What was ordered before what is used next came. */
  #catchUp(): void {
    for (let isBehind = true; isBehind; ) {
      const next = receiveMessageOnPort(this.#port);
      if (next) this.#take(next.message);
      const order = this.#orders.shift();
      if (order) this.#carryOut(order);
      isBehind = next !== undefined || order !== undefined;
    }
  }

  /** Orders have to wait for their turn. A question has not, since the main thread waits. */
  #take(message: readonly Order[] | Asked): void {
    if (isBatch(message)) {
      this.#orders.push(...message);
      return;
    }
    const told = this.#tell(message);
    this.#answers.postMessage(told, transferred(told));
    this.#wake(message.number);
  }

  #wake(number: number): void {
    Atomics.store(this.#isReady, 0, number);
    Atomics.notify(this.#isReady, 0);
  }

  #carryOut(order: Order): void {
    switch (order.kind) {
      case 'context':
        this.#contexts.set(order.context, madeFrom(order.portable));
        break;
      case 'forget':
        this.#contexts.delete(order.context);
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
      const handshake = new WorkerHandshake(id, { number: context, context: this.#context(context) }, setup, report);
      this.#handshakes.set(id, handshake);
      if (number === undefined || !calls) return;
      const isCarried = handshake.carry({ number, readsExactly, calls, before: () => this.#catchUp() });
      if (!isCarried) report({ kind: 'told', id, log: new Uint8Array(), rest: new Uint8Array() });
    } catch (error) {
      report({ kind: 'closed', id });
      report({ kind: 'refused', id, error: thrownBy(error) });
    }
  }

  /** The context of that number, and those in whose place it is and that handshakes still use. */
  #allOf(number: number): Set<SecureContext> {
    const all = new Set<SecureContext>();
    const now = this.#contexts.get(number);
    if (now && !(now instanceof Unmade)) all.add(now);
    for (const { contexts } of this.#handshakes.values())
      for (const used of contexts) if (used.number === number) all.add(used.context);
    return all;
  }

  /** For a handshake that may have ended meanwhile: then nobody waits for an answer. */
  #steer(order: Exclude<Order, { kind: 'context' | 'forget' | 'ticketKeys' | 'roots' | 'open' | 'leave' }>): void {
    const handshake = this.#handshakes.get(order.id);
    if (!handshake) {
      if ('bytes' in order) order.bytes.fill(0);
      return;
    }
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
          handshake.choose({ number: order.context, context: this.#context(order.context) }, order.scope);
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
      // What was ordered for it has not been done: it must not go on without.
      this.#report({ kind: 'lost', id: order.id, error: thrownBy(error) });
      handshake.dispose();
      this.#handshakes.delete(order.id);
    }
  }

  #tell(asked: Question): Told {
    const handshake = this.#handshakes.get(asked.id);
    try {
      // It has not begun, or is over.
      if (!handshake) return { value: undefined };
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
    if (context instanceof Unmade) throw context.error;
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
    const moved = reports.flatMap((report) => ('log' in report && report.log ? [report.log.buffer] : []));
    this.#port.postMessage(reports, moved);
  }
}

class Unmade {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** Who needs it is told: it is nobody else's trouble. */
function madeFrom(portable: PortableContext): SecureContext | Unmade {
  try {
    return contextFrom(portable);
  } catch (error) {
    return new Unmade(error);
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
