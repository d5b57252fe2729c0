import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { EngineModule } from '../../engine/openssl/module.ts';
import { unavailable } from '../../errors/codes.ts';
import { counterMode } from '../cryptography/counter-mode.ts';
import { addonKeyExchange } from '../cryptography/key-exchange.ts';
import { fillRandom } from '../cryptography/random.ts';
import { verifySignature } from '../cryptography/signatures.ts';
import { packageFile } from '../package-file.ts';

/** Which OpenSSL: that of all connections, or the one that has Encrypted ClientHello, which is a package of its own. */
export type EngineKind = 'default' | 'ech';

const compiled = new Map<EngineKind, WebAssembly.Module>();
const hosts = new Map<EngineKind, EngineModule>();

/**
 * This thread's OpenSSL. Made at first use and synchronously, because node:tls's API is; about 20 ms once. Another one, when the last was
 * lost (Instance) or had grown and was left by all connections: contexts have to be made again then, so that nobody may keep it.
 * Throws ERR_KTLS_UNAVAILABLE where WebAssembly is not allowed or the package is not whole.
 */
export function engineModule(kind: EngineKind = 'default'): EngineModule {
  const host = hosts.get(kind);
  if (host && !host.lost) return host;
  const compiledOnce = compiled.get(kind) ?? compile(kind);
  compiled.set(kind, compiledOnce);
  const module = new EngineModule(compiledOnce, {
    random: fillRandom,
    now: Date.now,
    verify: verifySignature,
    keyExchange: addonKeyExchange(),
    counterMode: counterMode(),
  });
  module.engines.onNone = () => giveBack(module);
  hosts.set(kind, module);
  return module;
}

/** WebAssembly's memory never shrinks: what a crowd of connections made it grow to is had back only by giving it up as a whole. */
function giveBack(module: EngineModule): void {
  if (!module.lost && module.heap.size > keptWhenIdle) module.retire();
}

/** Bytes. It begins with 16 MiB. */
const keptWhenIdle = 64 << 20;

function compile(kind: EngineKind): WebAssembly.Module {
  // `--jitless` takes the whole of it away.
  if (typeof WebAssembly === 'undefined') throw cannotLoad('this process has no WebAssembly, perhaps by --jitless');
  try {
    return new WebAssembly.Module(readFileSync(kind === 'ech' ? echFile() : packageFile('wasm/ktls.wasm')));
  } catch (cause) {
    if (kind === 'ech' && !(cause instanceof WebAssembly.CompileError)) throw unavailable(withoutEch, cause);
    throw cannotLoad(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Beside this package where npm installs it; in its repository it has a folder. */
function echFile(): URL | string {
  const here = packageFile('ech/ktls-ech.wasm');
  return existsSync(here) ? here : createRequire(import.meta.url).resolve('ktls-ech/ktls-ech.wasm');
}

const withoutEch = 'Encrypted ClientHello needs the package ktls-ech of the same version: npm install ktls-ech';

function cannotLoad(why: string, cause?: unknown): Error {
  return unavailable(`OpenSSL cannot be loaded here: ${why}`, cause);
}
