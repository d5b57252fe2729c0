// prebuilds/PLATFORM-ARCH/ktls.node: the native addon, compiled by cmake-js with nothing to download.
import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { projectEnvironment, quietly } from '../command.mjs';
import { at, build } from '../paths.mjs';
import { packages } from './packages.mjs';
import { tools } from './tools.mjs';

const FOLDER = `prebuilds/${process.platform}-${process.arch}`;

export const native = {
  name: 'native',
  title: `${FOLDER}/ktls.node`,
  needs: [packages, tools],
  inputs: () => ({ files: ['native', 'CMakeLists.txt', 'build/stamps/packages'] }),
  outputs: [`${FOLDER}/ktls.node`],
  async run() {
    const words = ['compile', '-O', build('native'), '--config', 'Release'];
    await quietly(build('logs/native.log'), 'cmake-js', words, { env: projectEnvironment() });
    // A running process has the old file mapped: a new one takes its name.
    mkdirSync(at(FOLDER), { recursive: true });
    copyFileSync(build('native/Release/ktls.node'), at(FOLDER, 'ktls.node.new'));
    renameSync(at(FOLDER, 'ktls.node.new'), at(FOLDER, 'ktls.node'));
  },
};
