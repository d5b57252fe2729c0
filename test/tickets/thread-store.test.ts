import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('threads have the keys that the main thread holds', async () => {
  const program = fileURLToPath(new URL('thread-program.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, '3']);
  const keys: string[] = JSON.parse(stdout);
  expect(keys).toHaveLength(4);
  expect(keys[0]).toMatch(/^[0-9a-f]{96}$/);
  expect(new Set(keys).size).toBe(1);
});
