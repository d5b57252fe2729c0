import { readFileSync } from 'node:fs';
import { EngineModule } from '../engine/openssl/module.ts';
import { unavailable } from '../errors/codes.ts';
import { counterMode } from './counter-mode.ts';
import { addonKeyExchange } from './key-exchange.ts';
import { packageFile } from './package-file.ts';
import { fillRandom } from './random.ts';
import { verifySignature } from './signatures.ts';

let compiled: WebAssembly.Module | undefined;
let host: EngineModule | undefined;

/**
 * This thread's OpenSSL. Made at first use and synchronously, because node:tls's API is; about 20 ms once. Another one, when the last was
 * lost (Instance) or had grown and was left by all connections: contexts have to be made again then, so that nobody may keep it.
 * Throws ERR_KTLS_UNAVAILABLE where WebAssembly is not allowed or the package is not whole.
 */
export function engineModule(): EngineModule {
  if (host && !host.lost) return host;
  compiled ??= compile();
  const module = new EngineModule(compiled, {
    random: fillRandom,
    now: Date.now,
    verify: verifySignature,
    keyExchange: addonKeyExchange(),
    counterMode: counterMode(),
  });
  module.engines.onNone = () => giveBack(module);
  host = module;
  return module;
}

/** WebAssembly's memory never shrinks: what a crowd of connections made it grow to is had back only by giving it up as a whole. */
function giveBack(module: EngineModule): void {
  if (!module.lost && module.heap.size > keptWhenIdle) module.retire();
}

/** Bytes. It begins with 16 MiB. */
const keptWhenIdle = 64 << 20;

function compile(): WebAssembly.Module {
  // `--jitless` takes the whole of it away.
  if (typeof WebAssembly === 'undefined') throw cannotLoad('this process has no WebAssembly, perhaps by --jitless');
  try {
    return new WebAssembly.Module(readFileSync(packageFile('wasm/ktls.wasm')));
  } catch (cause) {
    throw cannotLoad(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function cannotLoad(why: string, cause?: unknown): Error {
  return unavailable(`OpenSSL cannot be loaded here: ${why}`, cause);
}
