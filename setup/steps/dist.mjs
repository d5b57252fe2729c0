// dist/: JavaScript and declarations by the TypeScript compiler, the library's modules joined by rolldown; and the page that decrypts captures.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { projectEnvironment, quietly } from '../command.mjs';
import { at, build } from '../paths.mjs';
import { packages } from './packages.mjs';

// What the compiler made, a file for each module, and beside it what modules look for there: for tests on other versions of Node.js.
const MODULES = 'build/modules/dist';
const BUNDLERS = ['setup/bundle.mjs', 'setup/decrypt-page.mjs'];

export const dist = {
  name: 'dist',
  title: 'dist/',
  needs: [packages],
  inputs: () => ({ files: ['src', 'tsconfig.json', ...BUNDLERS, 'package.json', 'build/stamps/packages'] }),
  outputs: ['dist', MODULES],
  async run() {
    const { exports } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
    await compile();
    const fresh = build('dist');
    rmSync(fresh, { recursive: true, force: true });
    cpSync(at(MODULES), fresh, { recursive: true });
    // It is in the page, and nowhere else.
    rmSync(join(fresh, 'browser'), { recursive: true });
    // Loaded here: before the step `packages` there is nothing to load.
    const { bundle } = await import('../bundle.mjs');
    const { decryptPage } = await import('../decrypt-page.mjs');
    const exported = Object.values(exports).flatMap(({ default: path }) => path?.replace('./dist/', '') ?? []);
    // What threads run is no export, and has a file of its own all the same.
    for (const { path, code } of await bundle(fresh, [...exported, 'threads/worker.js'])) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, code);
    }
    writeFileSync(join(fresh, 'decrypt.html'), await decryptPage());
    if (existsSync(at('dist'))) rmSync(at('dist'), { recursive: true });
    renameSync(fresh, at('dist'));
  },
};

async function compile() {
  rmSync(build('modules'), { recursive: true, force: true });
  const words = ['-p', 'tsconfig.json', '--outDir', at(MODULES)];
  await quietly(build('logs/dist.log'), 'tsc', words, { env: projectEnvironment() });
  for (const folder of ['wasm', 'ech', 'prebuilds']) symlinkSync(at(folder), build('modules', folder), 'junction');
  copyFileSync(at('package.json'), build('modules/package.json'));
}
