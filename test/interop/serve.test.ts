import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stopAll } from '../cli/run-ktls.ts';
import { ServedFolder, sha256 } from '../cli/served-folder.ts';
import { program } from './program.ts';

const folder = new ServedFolder();
let port: number;

beforeAll(async () => {
  ({ port } = await folder.serve());
});

afterAll(async () => {
  await stopAll();
  folder.remove();
});

describe('curl from ktls serve', () => {
  test.each(['--tlsv1.3', '--tls-max 1.2'])('a big file: %s', async (version) => {
    const { body, status } = await curl('/big.bin', ...version.split(' '));
    expect(status).toBe('200');
    expect(sha256(body)).toBe(folder.bigHash);
  });

  test('a part of it', async () => {
    const { body, status } = await curl('/big.bin', '--range', '100-5000099');
    expect(status).toBe('206');
    expect(sha256(body)).toBe(sha256(folder.big.subarray(100, 5_000_100)));
  });

  test('what has changed only', async () => {
    const head = (await curl('/a.txt', '--head')).body.toString();
    const etag = /^etag: (.*?)\r$/im.exec(head)?.[1] ?? '';
    expect(await curl('/a.txt', '--header', `If-None-Match: ${etag}`)).toMatchObject({ status: '304' });
    expect(await curl('/a.txt', '--header', 'If-None-Match: "other"')).toMatchObject({ status: '200' });
  });

  test.each(['/../secret.txt', '/%2e%2e/secret.txt', '/sub/../../secret.txt', '/out', '/.git/config'])(
    'nothing from %s',
    async (path) => {
      const { status, body } = await curl(path, '--path-as-is');
      expect(status).toBe('404');
      expect(body.toString()).not.toContain('not for you');
    },
  );

  test('several files on one connection', async () => {
    const url = `https://localhost:${port}/big.bin`;
    const { body, status } = await curl('/big.bin', url, url);
    expect(status).toBe('200');
    expect(sha256(body)).toBe(sha256(Buffer.concat([folder.big, folder.big, folder.big])));
  });
});

/** What comes on stdout, and the last status. */
async function curl(path: string, ...words: readonly string[]): Promise<{ body: Buffer; status: string }> {
  const fixed = ['--silent', '--show-error', '--noproxy', '*', '--cacert', folder.certificate];
  const { stdout, stderr } = await promisify(execFile)(
    program('curl'),
    [...fixed, '--write-out', '%{stderr}%{http_code}\n', `https://localhost:${port}${path}`, ...words],
    { encoding: 'buffer', maxBuffer: 2 ** 27 },
  );
  return { body: stdout, status: stderr.toString().trim().split('\n').at(-1) ?? '' };
}
