import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issue } from '../helpers/certificates.ts';
import { expectMode } from '../helpers/file-mode.ts';
import { unless } from '../helpers/unless.ts';

const program = fileURLToPath(new URL('./key-log-program.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ktls-key-log-'));
const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
const run = promisify(execFile);

beforeAll(async () => {
  const { cert, key } = await issue(undefined);
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key, { mode: 0o600 });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Connections in a process of their own, whose environment names `path`. */
function connections(path: string, count = 1, ...flags: string[]): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, SSLKEYLOGFILE: path };
  return run(process.execPath, [...flags, program, certFile, keyFile, String(count)], { env, timeout: 60_000 });
}

function labels(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => /^([A-Z0-9_]+) [0-9a-f]{64} (?:[0-9a-f]{64}|[0-9a-f]{96})$/.exec(line)?.[1] ?? `no line: ${line}`);
}

const tls13 = [
  'CLIENT_HANDSHAKE_TRAFFIC_SECRET',
  'CLIENT_TRAFFIC_SECRET_0',
  'EXPORTER_SECRET',
  'SERVER_HANDSHAKE_TRAFFIC_SECRET',
  'SERVER_TRAFFIC_SECRET_0',
];

describe('SSLKEYLOGFILE', { timeout: 60_000 }, () => {
  it('takes the secrets of all connections, both ends of them, and one warning says so', async () => {
    const path = join(folder, 'secrets.log');
    const { stdout, stderr } = await connections(path, 2);
    expect(stdout).toBe('9\n9\n');
    expect(stderr.match(/SecurityWarning/g)).toHaveLength(1);
    expect(stderr).toContain(path);
    expectMode(path, 0o600);
    const text = readFileSync(path, 'utf8');
    const both = [...tls13, 'CLIENT_RANDOM'].flatMap((label) => [label, label]);
    expect(labels(text).toSorted()).toEqual(both.toSorted());
    expect(new Set(text.split('\n').map((line) => line.split(' ')[1])).size, 'client randoms, and the end').toBe(3);
    for (const line of text.trimEnd().split('\n')) expect(stderr).not.toContain(line.split(' ')[2]);
  });

  it('is appended to, and keeps the rights that it had', async () => {
    const path = join(folder, 'mine.log');
    writeFileSync(path, '# mine\n');
    chmodSync(path, 0o640);
    await connections(path);
    await connections(path);
    const [first, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(first).toBe('# mine');
    expect(lines).toHaveLength(4 * tls13.length);
    expectMode(path, 0o640);
  });

  it.each([
    ['a folder', () => join(folder, 'folder')],
    ['in a folder that is not there', () => join(folder, 'none/secrets.log')],
  ])('that cannot be written, being %s, hurts no connection and is told once', async (_, path) => {
    mkdirSync(join(folder, 'folder'), { recursive: true });
    const { stdout, stderr } = await connections(path(), 2);
    expect(stdout).toBe('9\n9\n');
    expect(stderr.match(/KTLS_KEY_LOG_FAILED/g)).toHaveLength(1);
  });

  unless(process.platform === 'win32' && 'not on Windows', it)(
    'is not heeded by a program that may do more than whoever started it',
    async () => {
      const path = join(folder, 'foreign.log');
      const setuid = 'data:text/javascript,process.geteuid=()=>process.getuid()%2B1';
      const { stdout, stderr } = await connections(path, 1, '--import', setuid);
      expect([stdout, stderr]).toEqual(['9\n', '']);
      expect(existsSync(path)).toBe(false);
    },
  );

  it('that is empty or missing is no wish', async () => {
    const { stdout, stderr } = await connections('');
    expect([stdout, stderr]).toEqual(['9\n', '']);
  });
});
