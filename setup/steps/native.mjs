// prebuilds/PLATFORM-ARCH/ktls.node: the native addon, compiled by cmake-js with nothing to download. For this machine, and on Debian for the
// other architecture that the package brings a build for.
import { copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { isOnPath, projectEnvironment, quietly } from '../command.mjs';
import { installPackages, isDebian } from '../debian.mjs';
import { at, build } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { packages } from './packages.mjs';
import { tools } from './tools.mjs';

const hosts = `${process.platform}-${process.arch}`;

export const native = {
  name: 'native',
  title: addonOf(hosts),
  needs: [packages, tools],
  inputs: () => ({ files: ['native', 'CMakeLists.txt', 'build/stamps/packages'] }),
  outputs: [addonOf(hosts)],
  run: () => compile(hosts),
};

export const nativeArm64 = {
  name: 'native-arm64',
  title: addonOf('linux-arm64'),
  isAvailable: isDebian && process.arch === 'x64',
  needs: [packages, tools],
  inputs: () => ({ files: ['native', 'CMakeLists.txt', TOOLCHAIN, 'build/stamps/packages'] }),
  outputs: [addonOf('linux-arm64')],
  async run() {
    if (!nativeArm64.isAvailable) {
      throw new SetupError(
        'the cross compiler for arm64 comes from Debian, for x86-64',
        'Use a machine with Debian for it.',
      );
    }
    if (!isOnPath('aarch64-linux-gnu-g++')) await installPackages(['g++-aarch64-linux-gnu']);
    // No space: cmake-js ignores a definition that comes as a word of its own.
    await compile('linux-arm64', ['-a', 'arm64', `--CDCMAKE_TOOLCHAIN_FILE=${at(TOOLCHAIN)}`]);
  },
};

async function compile(target, options = []) {
  const folder = target === hosts ? build('native') : build(`native-${target}`);
  // The project's folder may have been moved since; CMake insists on the old one.
  rmSync(`${folder}/CMakeCache.txt`, { force: true });
  const words = ['compile', '-O', folder, '--config', 'Release', ...options];
  await quietly(build('logs/native.log'), 'cmake-js', words, { env: projectEnvironment() });
  // A running process has the old file mapped: a new one takes its name.
  const addon = at(addonOf(target));
  mkdirSync(at('prebuilds', target), { recursive: true });
  copyFileSync(`${folder}/Release/ktls.node`, `${addon}.new`);
  renameSync(`${addon}.new`, addon);
}

function addonOf(target) {
  return `prebuilds/${target}/ktls.node`;
}

const TOOLCHAIN = 'setup/aarch64-linux-gnu.cmake';
