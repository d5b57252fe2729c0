// dist/: JavaScript and declarations, by the TypeScript compiler alone.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { projectEnvironment, quietly } from '../command.mjs';
import { at, build } from '../paths.mjs';
import { packages } from './packages.mjs';

export const dist = {
  name: 'dist',
  title: 'dist/',
  needs: [packages],
  inputs: () => ({ files: ['src', 'tsconfig.json', 'build/stamps/packages'] }),
  outputs: ['dist'],
  async run() {
    const fresh = build('dist');
    rmSync(fresh, { recursive: true, force: true });
    await quietly(build('logs/dist.log'), 'tsc', ['-p', 'tsconfig.json', '--outDir', fresh], {
      env: projectEnvironment(),
    });
    if (existsSync(at('dist'))) rmSync(at('dist'), { recursive: true });
    renameSync(fresh, at('dist'));
  },
};
