import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

// Without the addon, sealed memory is used again as soon as a socket says that it is done with it.
it('many large writes arrive whole at slow readers, while others are cut off', { timeout: 60_000 }, async () => {
  const program = fileURLToPath(new URL('without-addon-program.ts', import.meta.url));
  const words = ['--no-warnings', '--experimental-strip-types', '--no-addons', program];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  expect(JSON.parse(stdout)).toEqual({ by: 'node:crypto', whole: 2, cut: 2 });
});
