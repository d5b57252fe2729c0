// OpenSSL: its source, pinned by wasm/openssl.lock, and its static libraries for WebAssembly.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { answerOf, quietly } from '../command.mjs';
import { fetchRelease, readLock } from '../openssl-release.mjs';
import { at, build } from '../paths.mjs';
import { tools } from './tools.mjs';

const opensslSource = {
  name: 'openssl-source',
  title: 'OpenSSL source',
  inputs: () => ({ files: ['wasm/openssl.lock'] }),
  outputs: ['build/openssl/source/Configure'],
  async run() {
    const lock = readLock();
    const archive = await fetchRelease(lock);
    const fresh = build('openssl/source.new');
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    await quietly(build('logs/openssl.log'), 'tar', ['-xzf', archive, '--strip-components=1', '-C', fresh]);
    rmSync(build('openssl/source'), { recursive: true, force: true });
    renameSync(fresh, build('openssl/source'));
  },
};

export const opensslLibraries = {
  name: 'openssl',
  title: 'OpenSSL for WebAssembly',
  needs: [tools, opensslSource],
  inputs: () => ({
    files: ['wasm/openssl.lock', 'wasm/openssl.conf', 'wasm/build-openssl.sh', 'wasm/multiply.h', 'wasm/include'],
    values: [answerOf('emcc', ['--version'])],
  }),
  outputs: ['build/openssl/wasm/libssl.a', 'build/openssl/wasm/libcrypto.a'],
  async run() {
    rmSync(build('openssl/wasm'), { recursive: true, force: true });
    await quietly(build('logs/openssl.log'), at('wasm/build-openssl.sh'), [
      build('openssl/source'),
      build('openssl/wasm'),
    ]);
  },
};
