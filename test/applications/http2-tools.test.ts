import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import http2 from '../../src/http2.ts';
import { listen } from '../helpers/listen.ts';
import { type IdentityFiles, makeIdentityFiles } from '../interop/identity-files.ts';
import { program } from '../interop/program.ts';

const run = promisify(execFile);

describe.each(['native', 'wasm'] as const)('a server of ktls/http2 on the layer %s', (portableLayer) => {
  let identity: IdentityFiles;
  let server: ReturnType<typeof http2.createSecureServer>;
  let port: number;
  let connections = 0;

  beforeAll(async () => {
    identity = await makeIdentityFiles();
    const { key, cert } = identity;
    server = http2.createSecureServer({ key, cert, allowHTTP1: true, ktls: 'off', portableLayer });
    server.on('secureConnection', () => connections++);
    server.on('request', (request, response) => {
      const hash = createHash('sha256');
      request.on('data', (chunk) => hash.update(chunk));
      request.on('end', () => response.end(`${request.httpVersion} ${hash.digest('hex')}`));
    });
    port = await listen(server);
  });

  afterAll(() => {
    server.close();
    identity.remove();
  });

  test.each([
    ['--http2', '2.0'],
    ['--http1.1', '1.1'],
  ])('curl %s', async (option, version) => {
    const body = randomBytes(3_000_000);
    const file = join(identity.folder, 'body');
    writeFileSync(file, body);
    const { stdout } = await run(program('curl'), [
      ...['--silent', '--show-error', option, '--cacert', identity.files.ca, '--data-binary', `@${file}`],
      `https://localhost:${port}/`,
    ]);
    expect(stdout).toBe(`${version} ${createHash('sha256').update(body).digest('hex')}`);
  });

  test('h2load: many streams on several connections', async () => {
    connections = 0;
    const { stdout } = await run(program('h2load'), [
      '-n',
      '2000',
      '-c',
      '4',
      '-m',
      '20',
      `https://127.0.0.1:${port}/`,
    ]);
    expect(stdout).toContain('requests: 2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored');
    expect(stdout).toContain('Application protocol: h2');
    expect(connections).toBe(4);
  });
});
