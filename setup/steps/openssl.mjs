// OpenSSL: its source, pinned by wasm/openssl.lock, and its static libraries for WebAssembly.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { answerOf, quietly } from '../command.mjs';
import { fetchRelease, readLock } from '../openssl-release.mjs';
import { at, build } from '../paths.mjs';
import { tools } from './tools.mjs';

// The step that makes the libraries of a series; without one, of that which is packed.
export function librariesOf(series) {
  const name = nameIn(series, 'openssl');
  return {
    name,
    title: series === undefined ? 'OpenSSL for WebAssembly' : `OpenSSL ${series} for WebAssembly`,
    needs: [tools, sourceOf(series)],
    inputs: () => ({
      files: ['wasm/openssl.conf', 'wasm/build-openssl.sh', 'wasm/multiply.h', 'wasm/include'],
      values: [readLock(series), answerOf('emcc', ['--version'])],
    }),
    outputs: [`build/${name}/wasm/libssl.a`, `build/${name}/wasm/libcrypto.a`],
    async run() {
      rmSync(build(name, 'wasm'), { recursive: true, force: true });
      const folders = [build(name, 'source'), build(name, 'wasm')];
      await quietly(build(`logs/${name}.log`), at('wasm/build-openssl.sh'), folders);
    },
  };
}

function sourceOf(series) {
  const name = nameIn(series, 'openssl');
  return {
    name: `${name}-source`,
    title: series === undefined ? 'OpenSSL source' : `OpenSSL ${series} source`,
    inputs: () => ({ values: [readLock(series)] }),
    outputs: [`build/${name}/source/Configure`],
    async run() {
      const archive = await fetchRelease(readLock(series));
      const fresh = build(name, 'source.new');
      rmSync(fresh, { recursive: true, force: true });
      mkdirSync(fresh, { recursive: true });
      await quietly(build(`logs/${name}.log`), 'tar', ['-xzf', archive, '--strip-components=1', '-C', fresh]);
      rmSync(build(name, 'source'), { recursive: true, force: true });
      renameSync(fresh, build(name, 'source'));
    },
  };
}

// What belongs to a series beside the one that is packed has its name.
function nameIn(series, name) {
  return series === undefined ? name : `${name}-${series}`;
}

export const opensslLibraries = librariesOf();
