// prebuilds/PLATFORM-ARCH/ktls.node: the native addon, compiled by cmake-js with nothing to download. For this machine, and on Debian for the
// others that the package brings a build for: the other architecture, and Windows.
import { copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { isOnPath, projectEnvironment, quietly } from '../command.mjs';
import { installPackages, isDebian } from '../debian.mjs';
import { at, build } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { packages } from './packages.mjs';
import { tools } from './tools.mjs';

const hosts = `${process.platform}-${process.arch}`;

// Those for which another compiler is needed than this machine's own.
const CROSS = {
  'linux-arm64': {
    architecture: 'arm64',
    toolchain: 'setup/aarch64-linux-gnu.cmake',
    compiler: 'aarch64-linux-gnu-g++',
    debianPackage: 'g++-aarch64-linux-gnu',
    isAvailable: isDebian && process.arch === 'x64',
  },
  'win32-x64': {
    architecture: 'x64',
    toolchain: 'setup/x86_64-w64-mingw32.cmake',
    compiler: 'x86_64-w64-mingw32-g++-win32',
    debianPackage: 'g++-mingw-w64-x86-64-win32',
    isAvailable: isDebian && process.arch === 'x64',
  },
};

export const native = {
  name: 'native',
  title: addonOf(hosts),
  needs: [packages, tools],
  inputs: () => ({ files: ['native', 'CMakeLists.txt', 'build/stamps/packages'] }),
  outputs: [addonOf(hosts)],
  run: () => compile(hosts),
};

export const nativeArm64 = crossBuild('native-arm64', 'linux-arm64');

export const nativeWindows = crossBuild('native-windows', 'win32-x64');

function crossBuild(name, target) {
  const { toolchain, compiler, debianPackage, isAvailable } = CROSS[target];
  return {
    name,
    title: addonOf(target),
    isAvailable,
    needs: [packages, tools],
    inputs: () => ({ files: ['native', 'CMakeLists.txt', toolchain, 'build/stamps/packages'] }),
    outputs: [addonOf(target)],
    async run() {
      if (!isAvailable) {
        const why = `the cross compiler for ${target} comes from Debian, for x86-64`;
        throw new SetupError(why, 'Use a machine with Debian for it.');
      }
      if (!isOnPath(compiler)) await installPackages([debianPackage]);
      await compile(target);
    },
  };
}

async function compile(target) {
  const built = await buildAddon(target, target === hosts ? build('native') : build(`native-${target}`));
  // A running process has the old file mapped: a new one takes its name.
  const addon = at(addonOf(target));
  mkdirSync(at('prebuilds', target), { recursive: true });
  copyFileSync(built, `${addon}.new`);
  renameSync(`${addon}.new`, addon);
}

// Builds it in a folder. Resolves to the file's path.
export async function buildAddon(target, folder) {
  // The project's folder may have been moved since; CMake insists on the old one.
  rmSync(`${folder}/CMakeCache.txt`, { force: true });
  const words = ['compile', '-O', folder, '--config', 'Release'];
  const cross = target === hosts ? undefined : CROSS[target];
  // No space: cmake-js ignores a definition that comes as a word of its own.
  if (cross) words.push('-a', cross.architecture, `--CDCMAKE_TOOLCHAIN_FILE=${at(cross.toolchain)}`);
  await quietly(build('logs/native.log'), 'cmake-js', words, { env: projectEnvironment() });
  return `${folder}/Release/ktls.node`;
}

function addonOf(target) {
  return `prebuilds/${target}/ktls.node`;
}
