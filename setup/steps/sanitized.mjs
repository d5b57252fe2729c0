// The native addon and the fuzz targets of its record code with AddressSanitizer and UndefinedBehaviorSanitizer, which say what goes beyond
// memory. Debian's GCC builds the one, its Clang, which brings libFuzzer, the other.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { answerOf, isOnPath, projectEnvironment, quietly } from '../command.mjs';
import { installPackages, isDebian } from '../debian.mjs';
import { at, build } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { packages } from './packages.mjs';
import { tools } from './tools.mjs';

// Of test/fuzz/native.
export const NATIVE_TARGETS = ['open-stream', 'seal-open'];

export const fuzzerOf = (target) => build('fuzz/native', target);

export const fuzzers = {
  name: 'fuzzers',
  title: 'native fuzz targets',
  isAvailable: isDebian,
  inputs: () => ({ files: ['native', 'test/fuzz/native'], values: [FLAGS] }),
  outputs: NATIVE_TARGETS.map((target) => `build/fuzz/native/${target}`),
  async run() {
    if (!isDebian) throw new SetupError('Clang with libFuzzer comes from Debian', 'Use a machine with Debian for it.');
    if (!hasLibFuzzer()) await installPackages(['clang', 'libclang-rt-dev', 'libssl3']);
    mkdirSync(build('fuzz/native'), { recursive: true });
    for (const target of NATIVE_TARGETS) {
      const sources = [`test/fuzz/native/${target}.cc`, ...RECORD_CODE].map((path) => at(path));
      const words = ['-std=c++17', '-g', '-O1', `-fsanitize=fuzzer,${FLAGS}`, '-fno-sanitize-recover=undefined'];
      // native/cryptography/libcrypto.cc looks its functions up, so nothing refers to the library.
      const libraries = ['-Wl,--no-as-needed', '-l:libcrypto.so.3', '-ldl'];
      await quietly(build('logs/fuzzers.log'), clang(), [...words, ...sources, ...libraries, '-o', fuzzerOf(target)]);
    }
  },
};

export const sanitized = {
  name: 'sanitized',
  title: 'addon with AddressSanitizer',
  isAvailable: isDebian,
  needs: [packages, tools],
  inputs: () => ({ files: ['native', 'CMakeLists.txt', 'build/stamps/packages'], values: [FLAGS] }),
  outputs: ['build/asan/ktls.node'],
  async run() {
    const folder = build('asan/cmake');
    // The project's folder may have been moved since; CMake insists on the old one.
    rmSync(`${folder}/CMakeCache.txt`, { force: true });
    const words = ['compile', '-O', folder, '--config', 'Release', `--CDKTLS_SANITIZE=${FLAGS}`];
    await quietly(build('logs/sanitized.log'), 'cmake-js', words, {
      env: projectEnvironment({ CXX: 'g++', CC: 'gcc' }),
    });
    copyFileSync(`${folder}/Release/ktls.node`, build('asan/ktls.node'));
  },
};

// What a process needs to load that addon in place of the package's own; undefined where there is no such library.
export function sanitizedEnvironment() {
  // Node.js itself is built without: it does not have the symbols that the addon asks for, and must load the library first.
  const libraries = ['libasan.so', 'libubsan.so'].map((name) => answerOf('g++', [`-print-file-name=${name}`])?.trim());
  return {
    LD_PRELOAD: libraries.join(':'),
    // V8 takes SIGSEGV for itself (WebAssembly), and frees nothing when it ends.
    ASAN_OPTIONS: 'detect_leaks=0:handle_segv=0:allow_user_segv_handler=1:abort_on_error=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
    NODE_OPTIONS: `--require=${at('test/helpers/sanitized-addon.cjs')}`,
  };
}

function clang() {
  if (isOnPath('clang++')) return 'clang++';
  const found = readdirSync('/usr/bin').filter((name) => /^clang\+\+-\d+$/.test(name));
  return found.at(-1) ?? 'clang++';
}

function hasLibFuzzer() {
  const folder = answerOf(clang(), ['-print-resource-dir'])?.trim();
  const architecture = process.arch === 'x64' ? 'x86_64' : 'aarch64';
  return folder !== undefined && existsSync(`${folder}/lib/linux/libclang_rt.fuzzer-${architecture}.a`);
}

const FLAGS = 'address,undefined';

// Free of Node-API.
const RECORD_CODE = ['record_key', 'open_records', 'libcrypto'].map((name) => `native/cryptography/${name}.cc`);
