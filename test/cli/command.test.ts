import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { nearest } from '../../src/cli/nearest.ts';
import { probe } from '../../src/index.ts';
import { unless } from '../helpers/unless.ts';
import { runKtls, stopAll } from './run-ktls.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

afterAll(stopAll);

describe('ktls', { timeout: 60_000 }, () => {
  test('--help lists every command', async () => {
    const { status, stdout, stderr } = await runKtls('--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const { name, summary } of commands) expect(stdout).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
    expect(stdout).toMatch(/^ {2}2 {2}wrong usage/m);
  });

  test('without a command it says how it is used, and that this was wrong', async () => {
    const { status, stdout } = await runKtls();
    expect(status).toBe(2);
    expect(stdout).toMatch(/^Usage: ktls COMMAND/);
  });

  test('--version tells all versions, for programs too', async () => {
    const { status, stdout } = await runKtls('--version');
    expect(status).toBe(0);
    expect(stdout).toBe(
      `ktls ${version} (OpenSSL ${stdout.match(/OpenSSL (3\.\d+\.\d+)/)?.[1]}, Node.js ${process.versions.node})\n`,
    );
    expect(JSON.parse((await runKtls('--version', '--json')).stdout)).toMatchObject({ ktls: version });
  });

  test.each([
    ['prob', 'Did you mean: ktls probe'],
    ['benhc', 'Did you mean: ktls bench'],
    ['quite-something-else', 'ktls --help lists the commands.'],
    ['--nonsense', 'ktls --help lists the commands.'],
  ])('%s is no command', async (name, advice) => {
    const { status, stdout, stderr } = await runKtls(name);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(`'${name}'`);
    expect(stderr).toContain(advice);
  });
});

describe.each(commands)('ktls $name', { timeout: 60_000 }, ({ name, options, examples }) => {
  test('--help tells all options and has examples', async () => {
    const { status, stdout, stderr } = await runKtls(name, '--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.startsWith(`Usage: ktls ${name}`)).toBe(true);
    for (const long of Object.keys(options)) expect(stdout).toContain(`--${long}`);
    expect(examples.length).toBeGreaterThan(0);
    for (const [line] of examples) expect(stdout).toContain(line);
    expect(stdout).not.toContain('\x1b');
    expect(stdout.split('\n').filter((line) => line.length > 130 || /\s$/.test(line))).toEqual([]);
  });

  test('an option that there is not is wrong usage', async () => {
    const { status, stdout, stderr } = await runKtls(name, '--nonsense');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain("'--nonsense'");
    expect(stderr).toContain(`ktls ${name} --help`);
  });
});

describe('ktls probe', { timeout: 60_000 }, () => {
  test('says what the library finds', async () => {
    const { status, stdout } = await runKtls('probe', '--json');
    expect(status).toBe(0);
    const said = JSON.parse(stdout);
    const { kernel, module, refused, ciphers } = probe();
    expect(said.platform).toMatchObject({ kernel, module });
    expect(said.kernelTls).toMatchObject({ usable: refused === undefined, reason: refused ?? null });
    expect(said.ciphers).toEqual(
      ciphers.map(({ version, aead, write, read, rekey }) => ({
        ...{ version, aead, rekey },
        write: { usable: !write, reason: write?.refused ?? null, errno: write?.code ?? null },
        read: { usable: !read, reason: read?.refused ?? null, errno: read?.code ?? null },
      })),
    );
  });

  test('has a form for people', async () => {
    expect((await runKtls('probe')).stdout).toMatch(/^ktls \d[\s\S]*\nWhat this kernel does/);
  });

  test('takes no arguments', async () => {
    expect(await runKtls('probe', 'here')).toMatchObject({ status: 2, stdout: '' });
  });
});

describe('ktls bench', { timeout: 120_000 }, () => {
  test('measures both implementations each way', async () => {
    const { status, stdout } = await runKtls('bench', '--mib', '1', '--json');
    expect(status).toBe(0);
    const { handshakeMilliseconds, transfers } = JSON.parse(stdout);
    expect(handshakeMilliseconds).toEqual({ ktls: expect.any(Number), 'node:tls': expect.any(Number) });
    expect(transfers).toHaveLength(4);
    for (const { bytes, bytesPerSecond } of transfers) {
      expect(bytes).toBe(2 ** 20);
      expect(bytesPerSecond).toBeGreaterThan(0);
    }
  });

  test.each(['0', '1.5', 'many', '-1', '99999999'])('--mib=%s is wrong usage', async (mib) => {
    const { status, stderr } = await runKtls('bench', `--mib=${mib}`);
    expect(status).toBe(2);
    expect(stderr).toContain('--mib wants a whole number');
  });
});

describe('ktls completion', { timeout: 60_000 }, () => {
  // Windows has no Bash.
  unless(process.platform === 'win32' && 'not on Windows', test)(
    'bash completes commands, options and values',
    async () => {
      const { stdout } = await runKtls('completion', 'bash');
      const complete = (...words: readonly string[]): string[] => {
        const line = words.map((word) => `'${word}'`).join(' ');
        const script = `${stdout}\nCOMP_WORDS=(ktls ${line}); COMP_CWORD=${words.length}; _ktls; printf '%s\\n' "\${COMPREPLY[@]}"`;
        return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
      };
      expect(complete('pr')).toEqual(['probe']);
      expect(complete('')).toEqual(expect.arrayContaining(commands.map(({ name }) => name)));
      expect(complete('bench', '--')).toEqual(['--mib', '--json', '--help']);
      expect(complete('completion', 'z')).toEqual(['zsh']);
    },
  );

  test.each(['zsh', 'fish'])('the script for %s has every command and option', async (shell) => {
    const { status, stdout } = await runKtls('completion', shell);
    expect(status).toBe(0);
    for (const { name, options } of commands) {
      expect(stdout).toContain(name);
      for (const long of Object.keys(options)) expect(stdout).toMatch(new RegExp(`(?:--|-l )${long}\\b`));
    }
  });

  test('no other shell', async () => {
    expect(await runKtls('completion', 'csh')).toMatchObject({ status: 2, stdout: '' });
  });
});

describe('the nearest word', () => {
  test.each([
    ['serv', 'serve'],
    ['sevre', 'serve'],
    ['cnnect', 'connect'],
    ['conn', 'connect'],
    ['xyz', undefined],
    ['', undefined],
  ])('%s: %s', (typed, word) => {
    expect(nearest(typed, ['probe', 'serve', 'connect', 'keys'])).toBe(word);
  });
});
