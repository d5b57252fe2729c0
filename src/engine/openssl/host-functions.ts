import type { Host } from '../host/host.ts';
import type { EnginePointer } from './ffi.ts';
import type { Questions } from './questions.ts';

/** Of the instance that calls; undefined before there is one, and once it is lost. */
export interface LentMemory {
  memory: WebAssembly.Memory | undefined;
}

/** What the module imports. None of these may throw, as no exception may cross OpenSSL's frames. */
export function hostFunctions(host: Host, questions: Questions, lent: LentMemory): WebAssembly.ModuleImports {
  return {
    random(address: number, length: number): number {
      if (!lent.memory) return 0;
      host.random(new Uint8Array(lent.memory.buffer, address, length));
      return 1;
    },
    now: () => host.now(),
    ask(
      engine: EnginePointer,
      question: number,
      address: number,
      length: number,
      target: number,
      room: number,
    ): number {
      const { memory } = lent;
      if (!memory) return -1;
      const asked = new Uint8Array(memory.buffer, address, length).slice();
      const answer = questions.answer(engine, question, asked);
      const fits = answer !== undefined && answer.length <= room;
      if (fits) new Uint8Array(memory.buffer, target, room).set(answer);
      answer?.fill(0);
      return fits ? answer.length : -1;
    },
    // OpenSSL stops for good where it gets no 1.
    counter(key: number, keyLength: number, first: number, from: number, to: number, length: number): number {
      try {
        const view = new Uint8Array(lent.memory?.buffer ?? new ArrayBuffer());
        return host.counterMode?.apply(view, key, keyLength, first, from, to, length) === true ? 1 : 0;
      } catch {
        return 0;
      }
    },
  };
}
