import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { selfSigned } from '../../src/cli/self-signed.ts';

export const root: string = fileURLToPath(new URL('../../', import.meta.url));

const run = promisify(execFile);

/** The package in a folder of its own, as npm installs it for a user. */
export interface Installation {
  /** Where the user's programs are, with key.pem and cert.pem for localhost. */
  readonly folder: string;
  readonly tarball: string;
  /** Where npm put the package. */
  readonly package: string;
  /** Runs a command in the folder. */
  run(command: string, ...words: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }>;
  remove(): void;
}

/** Packs and installs it, with nothing on the PATH but Node.js and npm, and no script of any package. */
export async function install(): Promise<Installation> {
  const addons = ['linux-x64', 'linux-arm64', 'win32-x64'].map((platform) => `prebuilds/${platform}`);
  for (const made of ['dist/index.js', 'wasm/ktls.wasm', ...addons]) {
    if (!existsSync(join(root, made))) {
      throw new Error(`${made} is missing: node setup/run.mjs wasm native native-arm64 native-windows dist`);
    }
  }
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'ktls-package-')));
  const options = { cwd: folder, timeout: 110_000, env: { ...process.env, PATH: barePath(folder) } };
  await run('npm', ['pack', root, '--loglevel=error', '--pack-destination', folder], options);
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--offline'];
  await run('npm', ['install', '--package-lock-only', ...quiet, `./${tarball}`], options);
  await run('npm', ['ci', ...quiet], options);
  const { key, cert } = selfSigned(['localhost', '127.0.0.1']);
  writeFileSync(join(folder, 'key.pem'), key);
  writeFileSync(join(folder, 'cert.pem'), cert);
  return {
    folder,
    tarball: join(folder, tarball),
    package: join(folder, 'node_modules/ktls'),
    run: (command, ...words) => run(command, words, options),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A folder with Node.js, npm and the shell that npm asks for: no compiler, no CMake, no Python. */
function barePath(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  for (const name of ['npm', 'npx', 'sh', 'env']) symlinkSync(programOnPath(name), join(bin, name));
  return bin;
}

function programOnPath(name: string): string {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not on the PATH`);
  return realpathSync(found);
}
