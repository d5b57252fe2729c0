import type { EnginePointer } from './ffi.ts';
import type { EngineModule } from './module.ts';

/** An engine in the wasm heap. */
export interface LiveEngine {
  readonly module: EngineModule;
  /** Throws once it has been disposed of. */
  readonly live: EnginePointer;
}
