// wasm/ktls.wasm: our C in wasm/, linked with OpenSSL's libraries.
import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { linkModule } from '../link-wasm.mjs';
import { at, build } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { filesUnder } from '../stamp.mjs';
import { librariesOf, opensslLibraries } from './openssl.mjs';
import { tools } from './tools.mjs';

export const wasm = {
  name: 'wasm',
  title: 'wasm/ktls.wasm',
  needs: [tools, opensslLibraries],
  inputs: () => ({
    files: [...sources(), 'CMakeLists.txt', 'build/stamps/openssl'],
  }),
  outputs: ['wasm/ktls.wasm'],
  async run(say) {
    const log = build('logs/wasm.log');
    await put(await linkModule(build('wasm'), log), 'wasm/ktls.wasm', { say, log });
  },
};

// ech/ktls-ech.wasm: the same with OpenSSL 4.0, for connections with Encrypted ClientHello. It is a package of its own.
export const ech = {
  name: 'ech',
  title: 'ech/ktls-ech.wasm',
  needs: [tools, librariesOf('4.0')],
  inputs: () => ({ files: [...sources(), 'CMakeLists.txt', 'build/stamps/openssl-4.0'] }),
  outputs: ['ech/ktls-ech.wasm'],
  async run(say) {
    const log = build('logs/ech.log');
    await put(await linkModule(build('wasm-4.0'), log, 'openssl-4.0'), 'ech/ktls-ech.wasm', { say, log });
  },
};

// A process that runs has the old file: a new one takes its name.
async function put(file, target, { say, log }) {
  for (const line of report(readFileSync(file), log)) say(line);
  mkdirSync(dirname(at(target)), { recursive: true });
  copyFileSync(file, at(`${target}.new`));
  renameSync(at(`${target}.new`), at(target));
}

function sources() {
  return filesUnder('wasm').filter((path) => /\.[ch]$/.test(path));
}

// Only src/engine provides imports: nothing of WASI's or Emscripten's may be left.
function report(bytes, log) {
  const module = new WebAssembly.Module(bytes);
  const imports = WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`);
  const exports = WebAssembly.Module.exports(module).map(({ name }) => name);
  const foreign = imports.filter((name) => !name.startsWith('ktls.'));
  if (foreign.length > 0) {
    throw new SetupError(`the module imports ${foreign.join(', ')}`, 'Define them in wasm/platform.c, or do without.');
  }
  appendFileSync(log, `exports:\n${exports.sort().join('\n')}\n`);
  const kib = (length) => `${(length / 1024).toFixed(0)} KiB`;
  return [
    `sha256 ${createHash('sha256').update(bytes).digest('hex')}`,
    `${kib(bytes.length)}, brotli ${kib(brotliCompressSync(bytes).length)}`,
    `imports ${imports.join(' ')}; ${exports.length} exports`,
  ];
}
