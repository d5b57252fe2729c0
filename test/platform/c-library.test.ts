import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { programLoader, runsOnGlibc } from '../../src/platform/c-library.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-elf-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The first bytes of a program: its header, that of one segment, and the loader's name behind them. */
function program(loader: string, { type = 3, magic = 0x7f454c46, length = loader.length + 1 } = {}): string {
  const bytes = Buffer.alloc(64 + 56 + loader.length + 1);
  bytes.writeUInt32BE(magic, 0);
  bytes.set([2, 1], 4);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(type, 64);
  bytes.writeBigUInt64LE(120n, 64 + 8);
  bytes.writeBigUInt64LE(BigInt(length), 64 + 32);
  bytes.write(loader, 120, 'latin1');
  const path = join(folder, `program-${Math.random()}`);
  writeFileSync(path, bytes);
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

test.runIf(process.platform === 'linux' && existsSync('/usr/bin/ldd'))(
  'this program is on the C library that ldd names',
  () => {
    const said = execFileSync('/usr/bin/ldd', [process.execPath], { encoding: 'utf8' });
    expect(runsOnGlibc()).toBe(!said.includes('musl'));
  },
);
