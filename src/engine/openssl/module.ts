import { InstanceLost } from '../../connection/instance-lost.ts';
import type { Host } from '../host/host.ts';
import { type BytesPointer, bindings, type EchExports, type EngineExports, type LogPointer } from './ffi.ts';
import { Heap } from './heap.ts';
import { hostFunctions, type LentMemory } from './host-functions.ts';
import { Instance } from './instance.ts';
import { KeyExchanges } from './key-exchanges.ts';
import { LiveEngines } from './live-engines.ts';
import { OpenSSLError, parseErrorQueue } from './openssl-error.ts';
import { Questions } from './questions.ts';
import { Signatures } from './signatures.ts';

/** One instance of OpenSSL. All contexts and engines that work together live in one. */
export class EngineModule {
  readonly exports: EngineExports;
  /** There where this OpenSSL has Encrypted ClientHello. */
  readonly ech: EchExports | undefined;
  readonly heap: Heap;
  readonly questions: Questions;
  readonly signatures: Signatures;
  readonly exchanges: KeyExchanges;
  /** Where records and application data go in; 32 KiB, for the duration of one call. */
  readonly scratch: BytesPointer;
  /** Connections that live here. */
  readonly engines: LiveEngines = new LiveEngines();
  readonly #result: LogPointer;
  readonly #instance: Instance;

  /** Synchronous, as all of node:tls's API is. Throws a WebAssembly error where wasm is not allowed. */
  constructor(module: WebAssembly.Module, host: Host) {
    this.signatures = new Signatures(host.verify);
    this.exchanges = new KeyExchanges(host.keyExchange);
    this.questions = new Questions(this.signatures, this.exchanges);
    const lent: LentMemory = { memory: undefined };
    const instance = new WebAssembly.Instance(module, { ktls: hostFunctions(host, this.questions, lent) });
    if (!isEngine(instance.exports)) throw new Error('the wasm module is not of this version of ktls');
    lent.memory = instance.exports.memory;
    this.#instance = new Instance(instance.exports, (error) => {
      lent.memory = undefined;
      this.heap.forget();
      this.engines.lose(error);
    });
    const { exports } = this.#instance;
    this.heap = new Heap(exports);
    const initialize: unknown = Reflect.get(exports, '_initialize');
    if (typeof initialize === 'function') initialize();
    for (const group of host.keyExchange?.groups ?? []) exports.ktls_offer_group(group);
    if (host.counterMode) exports.ktls_offer_counter_mode(host.counterMode.leastBlocks);
    this.exports = exports;
    this.ech = hasEch(exports) ? exports : undefined;
    this.scratch = exports.ktls_scratch_address();
    this.#result = exports.ktls_result_address();
  }

  /** The bytes that the last getter left, or undefined when it answered 0. */
  result(answered: number): Uint8Array | undefined {
    return answered ? this.heap.takeLog(this.#result) : undefined;
  }

  /** Same, for text. */
  resultText(answered: number): string | undefined {
    const bytes = this.result(answered);
    return bytes && decoder.decode(bytes);
  }

  /** Throws what OpenSSL's error queue says unless `answered` is something else than 0 or negative. */
  expect<T extends number>(answered: T): T {
    if (answered > 0) return answered;
    if (this.lost) throw this.lost;
    this.exports.ktls_errors();
    throw new OpenSSLError(parseErrorQueue(this.heap.takeLog(this.#result)));
  }

  /** Why nothing works here any more: a trap, or {@link retire}. */
  get lost(): InstanceLost | undefined {
    return this.#instance.lost;
  }

  /** Gives the memory back. Contexts have to be made again in another module. */
  retire(): void {
    this.#instance.lose(new InstanceLost('was given up'));
  }

  get opensslVersion(): string {
    return this.resultText(this.exports.ktls_openssl_version()) ?? '';
  }

  /** Blocks of memory that OpenSSL holds now. */
  get liveAllocations(): number {
    return this.exports.ktls_live_allocations();
  }
}

function isEngine(exports: object): exports is EngineExports {
  if (!('ktls_bindings' in exports) || typeof exports.ktls_bindings !== 'function') return false;
  const answered: unknown = exports.ktls_bindings();
  return typeof answered === 'number' && answered >>> 0 === bindings;
}

function hasEch(exports: object): exports is EchExports {
  return 'ktls_engine_ech' in exports;
}

const decoder = new TextDecoder();
