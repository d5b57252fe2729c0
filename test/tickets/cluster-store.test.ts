import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('cluster-program.mjs', import.meta.url));

test('workers of node:cluster have the keys that their primary holds', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [program, '3']);
  const keys: string[] = JSON.parse(stdout);
  expect(keys).toHaveLength(4);
  expect(keys[0]).toMatch(/^[0-9a-f]{96}$/);
  expect(new Set(keys).size).toBe(1);
});

test('a worker whose keys are to be sealed takes none that are not', async () => {
  const env = { ...process.env, SECRET: 'a secret of many bytes' };
  const { stdout } = await promisify(execFile)(process.execPath, [program, '1'], { env });
  expect(JSON.parse(stdout)[1]).toBe('not shared');
});
