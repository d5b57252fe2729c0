import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

async function link(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ktls-link-'));
  folders.push(folder);
  // Emscripten's own scripts run on the system's Node.js, which may not know this one's options.
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'setup/link-wasm.mjs'), folder], { env });
  return stdout.trim();
}

it('links the same inputs to the same bytes, wherever that is done', { timeout: 300_000 }, async () => {
  const hashes = [await link(), await link()];
  const installed = createHash('sha256')
    .update(readFileSync(join(root, 'wasm/ktls.wasm')))
    .digest('hex');
  expect(hashes).toEqual([installed, installed]);
});
