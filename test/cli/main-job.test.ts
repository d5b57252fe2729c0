import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../src/cli/main-job.ts', import.meta.url));

describe('the main job', { timeout: 60_000 }, () => {
  test('says what it should, and ends', async () => {
    const { status, stdout, stderr } = await runMainJob('--once', '--mib', '1');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ktls \d+\.\d+\.\d+\n {2}handshake {3}OpenSSL 3\.\d+\.\d+ in WebAssembly\n/);
    expect(stdout).toMatch(/^ {2}version {5}TLSv1\.3$/m);
    expect(stdout).toMatch(/^ {2}suite {7}TLS_\w+$/m);
    expect(stdout).toMatch(/^ {2}group {7}\w+$/m);
    expect(stdout).toMatch(/^ {2}handshake {3}[\d.]+ ms, node:tls [\d.]+ ms /m);
    expect(stdout).toMatch(/^ {2}records {5}client sends: (?:kernel|native), receives: (?:kernel|native)$/m);
    expect(stdout).toMatch(/^ {2}contents {4}8 MiB each way arrived as sent \(SHA-256\)$/m);
    expect(stdout).toMatch(/^ {2}all( +\d+ +\d+ +\d+\.\d\d){2}$/m);
  });

  test('writes for a file when it does not write to a terminal: no colours, no spaces at the end, short lines', async () => {
    const { stdout } = await runMainJob('--mib', '1');
    expect(stdout).not.toContain('\x1b');
    expect(stdout).not.toContain('\r');
    expect(stdout.split('\n').filter((line) => /\s$/.test(line) || line.length > 130)).toEqual([]);
  });

  test.each([
    ['an option that does not exist', ['--nonsense']],
    ['a size that is none', ['--mib', 'many']],
    ['a port that is none', ['--port', '1.5']],
  ])('explains itself when given %s', async (_what, words) => {
    const { status, stdout, stderr } = await runMainJob(...words);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('npm start [-- OPTION…]');
  });
});

function runMainJob(...words: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...words], { timeout: 50_000 }, (_error, stdout, stderr) => {
      resolve({ status: child.exitCode ?? -1, stdout, stderr });
    });
  });
}
