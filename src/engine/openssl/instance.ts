import { InstanceLost } from '../../connection/instance-lost.ts';
import type { EngineExports } from './ffi.ts';

/**
 * The exports of an instance, each call of which may be its last: whatever is thrown out of WebAssembly leaves memory behind in which nothing
 * can be trusted, so that nothing is called there again.
 */
export class Instance {
  readonly exports: EngineExports;
  readonly #onLost: (error: InstanceLost) => void;
  #real: EngineExports | undefined;
  #functions: readonly ((...args: readonly number[]) => unknown)[] = [];
  #lost: InstanceLost | undefined;

  constructor(real: EngineExports, onLost: (error: InstanceLost) => void) {
    this.#real = real;
    this.#onLost = onLost;
    const guarded = { memory: undefined };
    Object.defineProperty(guarded, 'memory', { get: () => this.#memory });
    const functions: ((...args: readonly number[]) => unknown)[] = [];
    for (const [name, value] of Object.entries(real)) {
      if (typeof value !== 'function') continue;
      const at = functions.push(value) - 1;
      Reflect.set(guarded, name, this.#guard(at, releases.test(name)));
    }
    this.#functions = functions;
    if (!isWhole(guarded)) throw new Error('the wasm module is not of this version of ktls');
    this.exports = guarded;
  }

  /** Why nothing can be called any more. */
  get lost(): InstanceLost | undefined {
    return this.#lost;
  }

  /** Gives the memory back. What is called from then on throws, apart from what would release something. */
  lose(error: InstanceLost): void {
    if (this.#lost) return;
    this.#lost = error;
    this.#real = undefined;
    this.#functions = [];
    this.#onLost(error);
  }

  get #memory(): WebAssembly.Memory {
    if (this.#real) return this.#real.memory;
    throw this.#lost ?? new InstanceLost('has ended');
  }

  #guard(at: number, isRelease: boolean): (...args: readonly number[]) => unknown {
    return (...args) => {
      const call = this.#functions[at];
      if (!call) {
        // What would be released is gone already.
        if (isRelease) return 0;
        throw this.#lost ?? new InstanceLost('has ended');
      }
      try {
        return call(...args);
      } catch (cause) {
        this.lose(new InstanceLost('has failed', cause));
        throw this.#lost ?? cause;
      }
    };
  }
}

function isWhole(exports: object): exports is EngineExports {
  return 'memory' in exports && 'ktls_engine_new' in exports && 'ktls_engine_receive' in exports;
}

const releases = /free$/;
