// Compilers and the like, from Debian where it is Debian.
import { existsSync } from 'node:fs';
import { isOnPath } from '../command.mjs';
import { installPackages, isDebian } from '../debian.mjs';
import { SetupError } from '../setup-error.mjs';

export const tools = {
  name: 'tools',
  title: 'build tools',
  isCurrent: () => missing().length === 0,
  async run() {
    const names = missing();
    if (!isDebian) throw new SetupError(`missing: ${names.join(', ')}`, 'Install them, commands on PATH.');
    await installPackages(names.map((name) => PACKAGES[name]));
  },
};

function missing() {
  return Object.keys(PACKAGES).filter((name) => !(name === 'uv.h' ? HEADERS.some(existsSync) : isOnPath(name)));
}

// What has to be there, and the Debian package that brings it.
const PACKAGES = {
  emcc: 'emscripten',
  cmake: 'cmake',
  'g++': 'g++',
  make: 'make',
  // Every Debian has a perl, but not its modules, which come with pod2man.
  pod2man: 'perl',
  patchelf: 'patchelf',
  'uv.h': 'libuv1-dev',
};

// Where CMakeLists.txt finds it; some distributions of Node bring libuv's headers along.
const HEADERS = [
  '/usr/include/uv.h',
  '/usr/include/node/uv.h',
  '/usr/local/include/uv.h',
  '/usr/local/include/node/uv.h',
];
