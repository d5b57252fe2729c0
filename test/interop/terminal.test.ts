import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ktlsProgram } from '../cli/run-ktls.ts';
import { program } from './program.ts';

describe('ktls on a terminal', () => {
  test('has colours', async () => {
    expect(await onTerminal({})).toContain('\x1b[1mktls ');
  });

  test('has none if NO_COLOR is set (no-color.org)', async () => {
    const said = await onTerminal({ NO_COLOR: '1' });
    expect(said).toMatch(/^ktls \d/);
    expect(said).not.toContain('\x1b[');
  });
});

/** What `ktls probe` writes to a terminal, which script(1) is. */
async function onTerminal(environment: Readonly<Record<string, string>>): Promise<string> {
  const { NO_COLOR: _, ...env } = process.env;
  const command = `'${process.execPath}' '${ktlsProgram}' probe`;
  const words = ['--quiet', '--return', '--command', command, '/dev/null'];
  return (await promisify(execFile)(program('script'), words, { env: { ...env, ...environment } })).stdout;
}
