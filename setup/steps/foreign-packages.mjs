// npm's packages with the binaries of another platform, for Vitest to run there: build/foreign/PLATFORM/node_modules, which setup/wine.mjs and
// setup/arm64.mjs show in the place of node_modules.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { quietly } from '../command.mjs';
import { at, build } from '../paths.mjs';
import { packages } from './packages.mjs';

export const windowsPackages = foreignPackages('win32-x64', ['--os=win32', '--cpu=x64']);

export const arm64Packages = foreignPackages('linux-arm64', ['--os=linux', '--cpu=arm64', '--libc=glibc']);

export const foreignModules = (platform) => build('foreign', platform, 'node_modules');

function foreignPackages(platform, options) {
  const folder = build('foreign', platform);
  return {
    name: `packages-${platform}`,
    title: `npm packages for ${platform}`,
    needs: [packages],
    inputs: () => packages.inputs(),
    outputs: [join('build/foreign', platform, 'node_modules/.package-lock.json')],
    async run() {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      for (const name of ['package.json', 'package-lock.json']) copyFileSync(at(name), join(folder, name));
      const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...options];
      await quietly(build('logs/npm.log'), 'npm', words, { cwd: folder });
    },
  };
}
