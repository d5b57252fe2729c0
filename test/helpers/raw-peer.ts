import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Output } from '../../src/connection/handshake.ts';
import type { SecureContext } from '../../src/context/secure-context.ts';
import { Engine, offloadable } from '../../src/engine/openssl/engine.ts';
import type { TLSPlaintext } from '../../src/protocol/content-type.ts';
import { RecordBuffer } from '../../src/record/record-buffer.ts';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';
import { type ReferenceOptions, referenceOpen, referenceSeal } from './reference-protection.ts';

/**
 * A TLS peer in user space that can send what no honest peer would. The handshake is OpenSSL's; the records after it are made by hand,
 * with the reference's cryptography.
 */
export class RawPeer {
  /** Application data that came. */
  readonly data: Buffer[] = [];
  /** Other records that came. */
  readonly control: TLSPlaintext[] = [];
  /** Alerts that came while OpenSSL still opened records: level and description. */
  readonly earlyAlerts: number[][] = [];
  /** Called when the next record to be sent is Finished of TLS 1.2, the first under keys. */
  beforeFinished: (() => void) | undefined;
  /** Called before the handshake's next flight is sent, with the number of flights so far. */
  beforeFlight: ((flights: number) => void) | undefined;
  /** Resolves at the end of the handshake. */
  readonly secure: Promise<void>;
  /** Resolves when the stream has ended or broken. */
  readonly ended: Promise<void>;
  readonly #stream: Duplex;
  readonly #engine: Engine;
  readonly #buffer = new RecordBuffer();
  #write: { keys: TrafficKeys; next: bigint } | undefined;
  #read: { keys: TrafficKeys; next: bigint } | undefined;
  #isSecure = false;
  #flights = 0;
  #onSecure: () => void = () => {};
  #held: Buffer[] | undefined;

  constructor(
    stream: Duplex,
    options: {
      isServer: boolean;
      secureContext: SecureContext;
      session?: Uint8Array;
      beforeFlight?: (flights: number) => void;
    },
  ) {
    const { isServer, secureContext } = options;
    this.beforeFlight = options.beforeFlight;
    const ciphers = Object.values(offloadable);
    const context = secureContext.for({ verifiesPeer: false, isServer });
    this.#stream = stream;
    this.#engine = new Engine(context, { isServer, offload: { read: ciphers, write: ciphers } });
    if (options.session) this.#engine.setup.setSession(options.session);
    this.secure = new Promise((resolve) => {
      this.#onSecure = resolve;
    });
    this.ended = new Promise((resolve) => {
      stream.once('end', resolve).once('close', resolve);
    });
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => this.receive(chunk)).resume();
    this.#route(this.#engine.resume());
  }

  /** Alerts that came: level and description. */
  get alerts(): number[][] {
    return [
      ...this.earlyAlerts,
      ...this.control.filter(({ type }) => type === 21).map(({ fragment }) => [...fragment]),
    ];
  }

  get isSecure(): boolean {
    return this.#isSecure;
  }

  get received(): Buffer {
    return Buffer.concat(this.data);
  }

  /** Handshake messages that came, by their type (RFC 8446 §4). */
  get messages(): (number | undefined)[] {
    return this.control.filter(({ type }) => type === 22).map(({ fragment }) => fragment[0]);
  }

  /** Whether {@link seal} and {@link send} have keys. */
  get canSeal(): boolean {
    return this.#write !== undefined;
  }

  /** The next record, sealed. */
  seal(type: number, fragment: Uint8Array, options?: ReferenceOptions): Uint8Array {
    if (!this.#write) throw new Error('there are no keys yet');
    return referenceSeal(this.#write.keys, this.#write.next++, type, fragment, options);
  }

  send(type: number, fragment: Uint8Array, options?: ReferenceOptions): void {
    this.sendBytes(this.seal(type, fragment, options));
  }

  sendBytes(bytes: Uint8Array): void {
    if (this.#held) this.#held.push(Buffer.from(bytes));
    else this.#stream.write(bytes);
  }

  /** From here on bytes wait for {@link release}, which sends them in one piece. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    this.#stream.write(this.take());
  }

  /** What waits, for somebody else to send. */
  take(): Buffer {
    const held = Buffer.concat(this.#held ?? []);
    this.#held = undefined;
    return held;
  }

  /** KeyUpdate, and new keys behind it. */
  updateKeys(requestPeer = false): void {
    this.#route(this.#engine.updateKeys(requestPeer));
  }

  /** KeyUpdate as `send` sends it, and new keys behind it. */
  holdKeyUpdate(send: (message: Uint8Array) => void): void {
    for (const output of this.#engine.updateKeys(false)) {
      if (output.kind === 'record') send(output.fragment);
      else this.#route([output]);
    }
  }

  /** close_notify. */
  close(): void {
    this.#route(this.#engine.close());
  }

  /** Reads nothing from here on. */
  pause(): void {
    this.#stream.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#stream.resume();
  }

  /** FIN. */
  end(): void {
    this.#stream.end();
  }

  /** RST. */
  reset(): void {
    if (this.#stream instanceof Socket) this.#stream.resetAndDestroy();
  }

  dispose(): void {
    this.#engine.dispose();
    this.#stream.destroy();
  }

  /** Takes bytes that do not come through the stream. */
  receive(chunk: Buffer): void {
    if (this.#engine.disposed) return;
    this.#buffer.push(chunk);
    for (let record = this.#buffer.firstRecord(); record; record = this.#buffer.firstRecord()) {
      const copy = record.slice();
      this.#buffer.consume(record.length);
      this.#take(copy);
    }
    this.#buffer.retain();
  }

  #take(record: Uint8Array): void {
    if (!this.#read) {
      this.#route(this.#engine.ciphertext(record));
      return;
    }
    const opened = referenceOpen(this.#read.keys, this.#read.next++, record);
    if (opened.type === 23) {
      this.data.push(Buffer.from(opened.fragment));
      return;
    }
    this.control.push({ type: opened.type, fragment: opened.fragment.slice() });
    // OpenSSL has not sent the HelloRequest that no_renegotiation answers, and would break off over it.
    const isWarning = opened.type === 21 && opened.fragment[0] === 1 && opened.fragment[1] !== 0;
    if (!isWarning) this.#route(this.#engine.plaintext(opened.type, opened.fragment));
  }

  #route(outputs: readonly Output[]): void {
    if (!this.#isSecure && outputs.some(({ kind }) => kind === 'ciphertext')) this.beforeFlight?.(this.#flights++);
    for (const output of outputs) {
      if (output.kind === 'ciphertext') this.sendBytes(output.bytes);
      else if (output.kind === 'alert' && output.direction === 'read' && !this.#read)
        this.earlyAlerts.push([output.level, output.description]);
      else if (output.kind === 'record') {
        const hook = this.beforeFinished;
        if (output.type === 22) this.beforeFinished = undefined;
        if (output.type === 22) hook?.();
        this.send(output.type, output.fragment);
      } else if (output.kind === 'handshakeDone') {
        this.#isSecure = true;
        this.#onSecure();
      } else if (output.kind === 'installKeys') this.#install(output);
    }
  }

  #install({ direction, keys }: Output & { kind: 'installKeys' }): void {
    const use = { keys, next: keys.sequenceNumber };
    if (direction === 'write') this.#write = use;
    else this.#read = use;
  }
}
