import type { Direction, Handshake, Output } from '../../connection/handshake.ts';
import { InstanceLost } from '../../connection/instance-lost.ts';
import type { Negotiated } from '../../connection/negotiated.ts';
import type { ContentTypeByte } from '../../protocol/content-type.ts';
import { abandoned } from './abandoned.ts';
import type { EngineContext } from './context.ts';
import type { EngineExports, EnginePointer } from './ffi.ts';
import { EngineInspection } from './inspection.ts';
import type { LiveEngine } from './live-engine.ts';
import type { EngineModule } from './module.ts';
import { byteText, NegotiatedFacts } from './negotiated.ts';
import { ownLibrary, ownReasons } from './openssl-error.ts';
import { parseOutputs } from './outputs.ts';
import { EngineSetup } from './setup.ts';

/** AEADs as the kernel numbers them (linux/tls.h, TLS_CIPHER_*). */
export const offloadable = { aes128Gcm: 51, aes256Gcm: 52, chacha20Poly1305: 54 } as const;

export interface EngineOptions {
  readonly isServer: boolean;
  /** By direction, the cipher types that a record layer outside will take. None: OpenSSL protects all records itself. */
  readonly offload: Readonly<Record<Direction, readonly number[]>>;
  /** Reads what the engine put out, as wasm/log.c writes it. Default: {@link parseOutputs}. */
  readonly readLog?: ((log: Uint8Array<ArrayBuffer>) => Output[]) | undefined;
}

/**
 * One connection's TLS state: OpenSSL without a socket. Records go in, {@link Output}s come out; it does nothing by itself and knows
 * no time. Dispose of it when the connection ends.
 */
export class Engine implements Handshake, LiveEngine {
  readonly module: EngineModule;
  onLost: ((error: Error) => void) | undefined;
  readonly setup: EngineSetup;
  readonly inspection: EngineInspection;
  readonly #pointer: EnginePointer;
  readonly #exports: EngineExports;
  readonly #entry: WeakRef<Engine>;
  readonly #readLog: (log: Uint8Array<ArrayBuffer>) => Output[];
  #disposed = false;
  #running = false;
  #unread = 0;

  constructor(context: EngineContext, { isServer, offload, readLog = parseOutputs }: EngineOptions) {
    const { module } = context;
    const { exports } = module;
    const [read, write] = [mask(offload.read), mask(offload.write)];
    const pointer = module.expect(exports.ktls_engine_new(context.pointer, isServer ? 1 : 0, read, write));
    this.module = module;
    this.#exports = exports;
    this.#pointer = pointer;
    this.#readLog = readLog;
    this.setup = new EngineSetup(this, context);
    this.inspection = new EngineInspection(this, isServer);
    const entry = new WeakRef(this);
    this.#entry = entry;
    module.engines.add(entry);
    abandoned.register(this, () => release(module, pointer, entry), this);
  }

  /** Starts the handshake: a client's hello comes out. Also goes on after the output `suspended`. */
  resume(): Output[] {
    return this.#unlessLost(() => {
      this.#run((pointer) => this.#exports.ktls_engine_resume(pointer));
      return this.#outputs();
    });
  }

  /**
   * Takes whole records as they came from the peer, at most 32 KiB of them; {@link unread} tells how much of them it left. Also what is no
   * record, or too long for one: OpenSSL then says what is wrong.
   */
  ciphertext(records: Uint8Array): Output[] {
    const { heap, scratch } = this.module;
    if (records.length > scratchLength) throw new RangeError(`at most ${scratchLength} bytes of TLS records in a call`);
    return this.#unlessLost(() => {
      heap.write(scratch, records);
      return this.#receive(records.length);
    });
  }

  /**
   * Bytes at the end of what {@link receiveCiphertext} was given last that it has not read: what lies behind the record that brought other
   * keys, which may be for somebody else to open, or behind the one that suspended the handshake.
   */
  get unread(): number {
    return this.#unread;
  }

  /** A handshake message has arrived in part: only the rest of it may come now (RFC 8446 §5.1). */
  get inMessage(): boolean {
    return this.#exports.ktls_engine_in_message(this.live) === 1;
  }

  /** To be told of application data that OpenSSL has not seen, before it gets an alert: warnings in a row are counted (RFC 8446 §6). */
  sawData(): void {
    this.#exports.ktls_engine_saw_data(this.live);
  }

  /** Sends a fatal alert (RFC 8446 §6.2), under the keys that are in use. The engine is of no use after. */
  fail(description: number): Output[] {
    return this.#unlessLost(() => {
      this.#exports.ktls_engine_fail(this.live, description);
      return this.#outputs();
    });
  }

  /** Takes a record that another record layer opened; meant for all but application data, which need not come here. */
  plaintext(type: ContentTypeByte, fragment: Uint8Array): Output[] {
    const { heap, scratch } = this.module;
    if (fragment.length > maxFragmentLength) throw new RangeError('a TLS fragment is at most 16384 bytes long');
    const outputs = this.#unlessLost(() => {
      heap.write(scratch, [type, 3, 3, fragment.length >> 8, fragment.length & 0xff]);
      heap.write(scratch, fragment, headerLength);
      return this.#receive(headerLength + fragment.length);
    });
    if (this.#unread > 0 && !this.#disposed && outputs.at(-1)?.kind !== 'error') {
      throw new Error('the engine was given a record while it waited for something else');
    }
    return outputs;
  }

  /** Protects application data. Only for a direction whose keys were not handed out. */
  write(data: Uint8Array): Output[] {
    const { heap, scratch } = this.module;
    return this.#unlessLost(() => {
      for (let at = 0; at < data.length; at += maxFragmentLength) {
        const part = data.subarray(at, at + maxFragmentLength);
        heap.write(scratch, part);
        if (!this.#exports.ktls_engine_write(this.live, part.length)) break;
      }
      return this.#outputs();
    });
  }

  /** Sends close_notify. */
  close(): Output[] {
    return this.#unlessLost(() => {
      this.#exports.ktls_engine_close(this.live);
      return this.#outputs();
    });
  }

  /** Sends KeyUpdate; `requestPeer` asks the peer for one too. Throws {@link OpenSSLError} before TLS 1.3 or the handshake's end. */
  updateKeys(requestPeer: boolean): Output[] {
    return this.#unlessLost(() => {
      this.module.expect(this.#exports.ktls_engine_update_keys(this.live, requestPeer ? 1 : 0));
      return this.#outputs();
    });
  }

  logKeys(): void {
    this.setup.logKeys();
  }

  get version(): number {
    return this.#exports.ktls_engine_version(this.live);
  }

  get negotiated(): Negotiated {
    const facts = this.module.result(this.#exports.ktls_engine_negotiated(this.live));
    if (!facts) throw new Error('the engine did not tell what was negotiated');
    return new NegotiatedFacts(facts);
  }

  /** The name in the client's hello, as soon as that has come. */
  get serverName(): string | undefined {
    const bytes = this.module.result(this.#exports.ktls_engine_server_name(this.live));
    return bytes && byteText(bytes);
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Frees and wipes all that the connection had in the wasm heap. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    abandoned.unregister(this);
    if (!this.#running) this.#free();
  }

  #free(): void {
    release(this.module, this.#pointer, this.#entry);
  }

  /** While OpenSSL runs it may ask something whose answer is to dispose of the engine: that waits until it has returned. */
  #run<T>(call: (pointer: EnginePointer) => T): T {
    const pointer = this.live;
    this.#running = true;
    try {
      return call(pointer);
    } finally {
      this.#running = false;
      if (this.#disposed) this.#free();
    }
  }

  #receive(length: number): Output[] {
    this.#unread = this.#run((pointer) => this.#exports.ktls_engine_receive(pointer, length));
    return this.#outputs();
  }

  /** A trap is the end of this connection as a fatal error of OpenSSL's is, and of all others by {@link onLost}. */
  #unlessLost(call: () => Output[]): Output[] {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof InstanceLost)) throw error;
      return [{ kind: 'error', entries: [{ code: 0, library: ownLibrary, reason: ownReasons.lost, data: '' }] }];
    }
  }

  #outputs(): Output[] {
    if (this.#disposed) return [];
    return this.#readLog(this.module.heap.takeLog(this.#pointer));
  }

  get live(): EnginePointer {
    if (this.#disposed) throw new Error('the TLS engine of this connection has been disposed of');
    return this.#pointer;
  }
}

function release(module: EngineModule, pointer: EnginePointer, entry: WeakRef<Engine>): void {
  module.questions.forget(pointer);
  module.exports.ktls_engine_free(pointer);
  module.engines.delete(entry);
}

function mask(cipherTypes: readonly number[]): number {
  return cipherTypes.reduce((bits, type) => bits | (1 << (type - offloadable.aes128Gcm)), 0);
}

const headerLength = 5;
const maxFragmentLength = 16384;
const scratchLength = 32768;
