import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { contenders } from './contenders.ts';
import { parts } from './parts.ts';

/** That each part still runs, with next to nothing to do; its figures are worth nothing. */
describe.each(Object.keys(parts))('npm run bench -- %s', (part) => {
  test('measures', { timeout: 120_000 }, async () => {
    const { status, output } = await bench('--json', '--scale', '0.005', part);
    expect(status).toBe(0);
    const { parts: told } = JSON.parse(output);
    expect(told[part].length).toBeGreaterThan(1);
    for (const { name, subjects } of told[part]) {
      expect(name).not.toBe('');
      for (const { contender, figure } of subjects) {
        expect([...Object.keys(contenders), 'node:crypto', 'Cipheriv', 'WebCrypto', 'register']).toContain(contender);
        expect(figure.median).toEqual(expect.any(Number));
      }
    }
  });
});

test('a part that there is not is an error of usage', async () => {
  const { status } = await bench('no-such-part');
  expect(status).toBe(2);
});

async function bench(...words: string[]): Promise<{ status: number; output: string }> {
  const program = fileURLToPath(new URL('main.ts', import.meta.url));
  const child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { status, output };
}
