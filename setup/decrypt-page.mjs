// Makes the page that decrypts captures in a browser: one file, whose policy allows no script but its own, and no connection at all.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { at } from './paths.mjs';

export async function decryptPage() {
  const build = await rolldown({ input: at('src/browser/main.ts'), platform: 'browser' });
  const { output } = await build.generate({ format: 'iife', minify: true });
  await build.close();
  const [{ code }] = output;
  // It would end the script, or change how the rest is read.
  if (output.length !== 1 || /<\/?script|<!--/i.test(code)) throw new Error('this script cannot stand in a page');
  const hash = createHash('sha256').update(code).digest('base64');
  const page = readFileSync(at('src/browser/decrypt.html'), 'utf8');
  return page.replace('SCRIPT_HASH', () => `'sha256-${hash}'`).replace('<script>', () => `<script>${code}`);
}
