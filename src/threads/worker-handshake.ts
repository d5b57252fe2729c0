import type { Output } from '../connection/handshake.ts';
import { ContextHandshake, type HandshakeSetup } from '../context/handshake.ts';
import type { SecureContext } from '../context/secure-context.ts';
import type { KernelCalls } from '../platform/kernel/kernel-calls.ts';
import { Carrier, type CarrierReceiver } from './carrier.ts';
import { ciphertextEntry, concerns, isDone, joined, split, splitTold } from './engine-log.ts';
import type { Call, Facts, Report } from './messages.ts';
import { thrownBy } from './thrown.ts';

/** A context, and its number between threads. */
export interface NumberedContext {
  readonly number: number;
  readonly context: SecureContext;
}

/** Where a handshake's records come from, unless the main thread gives them. */
export interface Descriptor {
  readonly number: number;
  readonly readsExactly: boolean;
  readonly calls: KernelCalls;
  /** Called before each use of what has come: the main thread's orders that are older come first. */
  readonly before: () => void;
}

/** A handshake in a worker: on a descriptor until it is done, then as the main thread tells it. */
export class WorkerHandshake {
  readonly control: ContextHandshake;
  /** Those that it began with and was told to choose. New keys for tickets are for them, too, when they have been replaced. */
  readonly contexts: NumberedContext[] = [];
  readonly #id: number;
  readonly #report: (report: Report) => void;
  #carrier: Carrier | undefined;
  /** What was put out and concerns nobody yet. */
  #kept: Uint8Array<ArrayBuffer>[] = [];
  /** What the engine has put out since. */
  #log: Uint8Array<ArrayBuffer>[] = [];
  readonly #tellsFacts: boolean;
  #isLost = false;
  #hasSpoken = false;

  /** Throws what making the handshake does. */
  constructor(id: number, context: NumberedContext, setup: HandshakeSetup, report: (report: Report) => void) {
    this.#id = id;
    this.contexts.push(context);
    this.#report = report;
    this.#tellsFacts = !setup.isServer || setup.certificate !== 'ignored';
    this.control = new ContextHandshake(context.context, setup, (log) => {
      if (log.length > 0) this.#log.push(log);
      return [];
    });
    setup.session?.fill(0);
    this.control.port.onLost = (error) => report({ kind: 'lost', id, error: thrownBy(error) });
  }

  /** {@link ContextHandshake.chooseContext}. */
  choose(chosen: NumberedContext, scope: Uint8Array): void {
    this.contexts.push(chosen);
    this.control.chooseContext(chosen.context, scope);
  }

  /** From here on its records come from there. False: they cannot, as there are no more descriptors. */
  carry({ number, readsExactly, calls, before }: Descriptor): boolean {
    const id = this.#id;
    const receiver: CarrierReceiver = {
      before,
      records: (bytes) => {
        this.#orLose(() => this.#run((port) => port.ciphertext(bytes)));
        return bytes.length - this.#unread;
      },
      consumed: () => this.#orLose(() => this.#carryOn()),
      // The main thread finds the same, and has words for it.
      garbage: () => this.#orLose(() => this.#answer()),
      end: () => this.#orLose(() => this.#answer()),
      failed: (errno, call) => this.#report({ kind: 'failed', id, errno, call }),
    };
    try {
      this.#carrier = new Carrier(number, readsExactly, calls, receiver);
      return true;
    } catch {
      return false;
    }
  }

  /** Does what is answered, in order. */
  call(call: Call): void {
    this.#run((port) => {
      switch (call.kind) {
        case 'ciphertext':
          return port.ciphertext(call.bytes);
        case 'write':
          return port.write(call.bytes);
        case 'plaintext':
          return port.plaintext(call.type, call.bytes);
        case 'updateKeys':
          return port.updateKeys(call.requestPeer);
        default:
          return port[call.kind]();
      }
    });
    if (!this.#carrier) this.#answer();
    else if (this.#carryOn()) this.#carrier.resume();
  }

  dispose(): void {
    if (this.#carrier) {
      this.#carrier.close();
      this.#carrier = undefined;
      this.#report({ kind: 'closed', id: this.#id });
    }
    this.control.port.dispose();
    joined([...this.#kept, ...this.#log]);
    this.#kept = [];
    this.#log = [];
  }

  /** What fails here is this connection's, not the thread's with all others. */
  #orLose(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#isLost = true;
      this.#report({ kind: 'lost', id: this.#id, error: thrownBy(error) });
    }
  }

  get #unread(): number {
    return this.#isLost ? 0 : this.control.port.unread;
  }

  /** What is put out goes to the log. All else that comes back says that OpenSSL's instance is lost. */
  #run(call: (port: ContextHandshake['port']) => Output[]): void {
    if (!this.#isLost && !this.control.port.disposed) this.#isLost = call(this.control.port).length > 0;
  }

  /** Sends what is for the peer, or tells the main thread what is for that. True: there is more to be read. */
  #carryOn(): boolean {
    const concern = this.#isLost ? 'rest' : concerns(this.#log);
    if (concern === 'rest') {
      this.#answer();
      return false;
    }
    if (concern === 'told') this.#tell();
    const { ciphertext, others } = split(this.#log);
    this.#log = [];
    this.#kept.push(...others);
    this.#hasSpoken ||= ciphertext.length > 0;
    for (const bytes of ciphertext) this.#carrier?.send(bytes);
    return true;
  }

  /** What is of use while the handshake may never end. */
  #tell(): void {
    const { toTell, others } = splitTold(this.#log);
    this.#report({ kind: 'told', id: this.#id, log: joined(toTell), rest: undefined });
    this.#log = others;
  }

  /** Of the call that is under way, whose rest is for the main thread to receive. */
  #answer(): void {
    const rest = this.#giveBack();
    const { port } = this.control;
    const facts = this.#facts();
    const isKnown = !this.#isLost && !port.disposed;
    this.#hasSpoken ||= split(this.#log).ciphertext.length > 0;
    this.#report({
      kind: 'answer',
      id: this.#id,
      facts,
      log: this.#isLost ? undefined : this.#takeLog(),
      unread: rest ? 0 : this.#unread,
      inMessage: isKnown && port.inMessage,
      version: isKnown ? port.version : 0,
      hasSpoken: this.#hasSpoken,
      serverName: isKnown ? this.control.serverName : undefined,
      rest,
    });
  }

  /** The descriptor is the main thread's from here on: what was read from it and not used. */
  #giveBack(): Uint8Array | undefined {
    if (!this.#carrier) return undefined;
    const { rest, unsent } = this.#carrier.close();
    this.#carrier = undefined;
    this.#kept.unshift(...unsent.map(ciphertextEntry));
    return rest;
  }

  /** With the handshake's end, where there is a peer who was asked who it is. */
  #facts(): Facts | undefined {
    if (!this.#tellsFacts || this.#isLost || !isDone(this.#log)) return undefined;
    try {
      const { verifiedChain, ephemeralKey } = this.control.port.inspection;
      return { verifiedChain, ephemeralKey };
    } catch {
      this.#isLost = true;
      return undefined;
    }
  }

  #takeLog(): Uint8Array<ArrayBuffer> {
    const log = joined([...this.#kept, ...this.#log]);
    this.#kept = [];
    this.#log = [];
    return log;
  }
}
