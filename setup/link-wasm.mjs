// node setup/link-wasm.mjs FOLDER: compiles wasm/*.c and links it with OpenSSL's libraries into FOLDER, and prints the sha256.
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { quietly } from './command.mjs';
import { build, root } from './paths.mjs';

// Resolves to the module's path. OpenSSL's libraries, in their folder of build/, and the tools must be there.
export async function linkModule(folder, log, openssl = 'openssl') {
  const env = { ...process.env, NODE_PATH: '/usr/share/nodejs' };
  const definitions = {
    CMAKE_BUILD_TYPE: 'None',
    KTLS_OPENSSL_SOURCE: build(openssl, 'source'),
    KTLS_OPENSSL_BUILD: build(openssl, 'wasm'),
  };
  // The project's folder may have been moved since; CMake insists on the old one.
  rmSync(join(folder, 'CMakeCache.txt'), { force: true });
  const words = Object.entries(definitions).map(([name, value]) => `-D${name}=${value}`);
  await quietly(log, 'emcmake', ['cmake', '-S', root, '-B', folder, ...words], { env });
  await quietly(log, 'cmake', ['--build', folder, '--parallel'], { env });
  return join(folder, 'ktls.wasm');
}

if (import.meta.filename === process.argv[1]) {
  const folder = resolve(process.argv[2] ?? '.');
  const file = await linkModule(folder, join(folder, 'link.log'));
  console.log(createHash('sha256').update(readFileSync(file)).digest('hex'));
}
