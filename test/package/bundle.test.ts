import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exchange, exchanged } from './exchange.ts';
import { type Installation, install } from './installation.ts';

let installation: Installation;

beforeAll(async () => {
  installation = await install();
  writeFileSync(join(installation.folder, 'program.js'), exchange("import tls, { probe } from 'ktls';"));
}, 240_000);

afterAll(() => installation?.remove());

/** docs/platforms.md has these for users. */
const bundles: readonly (readonly [string, string, BuildOptions])[] = [
  ['an ES module', 'program.mjs', { format: 'esm' }],
  [
    'a CommonJS module',
    'program.cjs',
    {
      format: 'cjs',
      banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
      define: { 'import.meta.url': 'importMetaUrl' },
    },
  ],
];

test.each(bundles)(
  'bundled as %s, it finds its files beside the bundle',
  { timeout: 60_000 },
  async (_as, name, options) => {
    const folder = join(installation.folder, `${name}-bundle`);
    const outfile = join(folder, name);
    mkdirSync(folder);
    const absWorkingDir = installation.folder;
    await build({ entryPoints: ['program.js'], absWorkingDir, bundle: true, platform: 'node', outfile, ...options });
    cpSync(join(installation.package, 'wasm'), join(folder, 'wasm'), { recursive: true });
    expect(await installation.run('node', outfile)).toEqual({ stdout: exchanged, stderr: '' });
  },
);
