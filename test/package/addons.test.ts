import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { root } from './installation.ts';

// Whoever builds the package gets the same files, and can tell that by their checksums in sbom.cdx.json.
test.each(['linux-x64', 'linux-arm64', 'win32-x64'])(
  'the addon for %s is the same to the bit when it is built once more, elsewhere',
  { timeout: 240_000 },
  async (platform) => {
    const folder = mkdtempSync(join(tmpdir(), 'ktls-addon-'));
    try {
      const program = `
        import { buildAddon } from './setup/steps/native.mjs';
        console.log(await buildAddon('${platform}', ${JSON.stringify(join(folder, 'build'))}));`;
      const words = ['--input-type=module', '-e', program];
      const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: root });
      const packed = readFileSync(join(root, 'prebuilds', platform, 'ktls.node'));
      expect(packed.equals(readFileSync(stdout.trim()))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
