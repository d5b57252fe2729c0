// build/installed/node_modules/ktls: the package as npm installs it, from its tarball.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectEnvironment, quietly } from '../command.mjs';
import { build, root } from '../paths.mjs';
import { dist } from './dist.mjs';
import { native } from './native.mjs';
import { wasm } from './wasm.mjs';

export const installed = {
  name: 'installed',
  title: 'the package, installed',
  needs: [wasm, native, dist],
  inputs: () => ({ files: ['package.json', 'dist', 'wasm/ktls.wasm', 'prebuilds'] }),
  outputs: ['build/installed/node_modules/ktls/package.json'],
  async run() {
    const folder = build('installed');
    const npm = (...words) => quietly(build('logs/npm.log'), 'npm', words, { cwd: folder, env: projectEnvironment() });
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    await npm('pack', root, '--loglevel=error');
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
    await npm('install', '--ignore-scripts', '--no-audit', '--no-fund', '--offline', `./${tarball}`);
  },
};
