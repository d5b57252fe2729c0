import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { programLoader, runsOnGlibc } from '../../../src/platform/addon/c-library.ts';
import { elfProgram } from '../../helpers/elf.ts';
import { unless } from '../../helpers/unless.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-elf-'));
afterAll(() => rmSync(folder, { recursive: true }));

function program(...[loader, fields]: Parameters<typeof elfProgram>): string {
  const path = join(folder, `program-${Math.random()}`);
  writeFileSync(path, elfProgram(loader, fields));
  return path;
}

describe('the loader that a program names', () => {
  test.each(['/lib64/ld-linux-x86-64.so.2', '/lib/ld-musl-x86_64.so.1'])('is read: %s', (loader) => {
    expect(programLoader(program(loader))).toBe(loader);
  });

  test.each([
    ['a static program', program('/lib/ld-musl-x86_64.so.1', { type: 1 })],
    ['what is no program', program('/lib/ld-musl-x86_64.so.1', { magic: 0x23212f62 })],
    ['a name that is not there', program('/lib/ld', { length: 5000 })],
    ['a name of a length that no file has', program('/lib/ld', { length: 2 ** 52 })],
    ['an empty file', join(folder, 'empty')],
    ['no file', join(folder, 'none')],
  ])('is not known of %s', (_, path) => {
    if (path.endsWith('empty')) writeFileSync(path, '');
    expect(programLoader(path)).toBeUndefined();
  });
});

unless(!(process.platform === 'linux' && existsSync('/usr/bin/ldd')) && 'no ldd', test)(
  'this program is on the C library that ldd names',
  () => {
    const said = execFileSync('/usr/bin/ldd', [process.execPath], { encoding: 'utf8' });
    expect(runsOnGlibc()).toBe(!said.includes('musl'));
  },
);
