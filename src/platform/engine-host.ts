import { readFileSync } from 'node:fs';
import { EngineModule } from '../engine/module.ts';
import { addonKeyExchange } from './key-exchange.ts';
import { fillRandom } from './random.ts';
import { verifySignature } from './signatures.ts';

let host: EngineModule | undefined;

/**
 * This thread's OpenSSL. Made at first use and synchronously, because node:tls's API is; about 20 ms once.
 * Throws where WebAssembly is not allowed or the package is not whole.
 */
export function engineModule(): EngineModule {
  host ??= new EngineModule(new WebAssembly.Module(readFileSync(wasmFile)), {
    random: fillRandom,
    now: Date.now,
    verify: verifySignature,
    keyExchange: addonKeyExchange(),
  });
  return host;
}

const wasmFile = new URL('../../wasm/ktls.wasm', import.meta.url);
