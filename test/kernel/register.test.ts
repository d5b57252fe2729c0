import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, expect, test } from 'vitest';
import { Program, stopPrograms } from '../interop/program.ts';
import { identity, identityFiles } from './identity.ts';
import { idle, settled } from './tls-stat.ts';

const files = identityFiles();
const content = randomBytes(1024 * 1024);
writeFileSync(join(files.folder, 'big.bin'), content);

afterEach(stopPrograms);
afterAll(files.remove);

/** What a download's SHA-256 is. */
function download(port: number): Promise<string> {
  const hash = createHash('sha256');
  const where = { port, host: '127.0.0.1', servername: 'localhost', path: '/big.bin', ca: identity.cert, agent: false };
  return new Promise((resolve, reject) => {
    https
      .get(where, (response) => {
        response.on('data', (chunk) => hash.update(chunk)).on('end', () => resolve(hash.digest('hex')));
        response.on('error', reject);
      })
      .on('error', reject);
  });
}

test.each([
  { environment: {}, sockets: 1 },
  { environment: { KTLS_FILES: 'off' }, sockets: undefined },
  { environment: { KTLS: 'off' }, sockets: undefined },
])('express under ktls/register, $environment: the kernel carries $sockets', async ({ environment, sockets }) => {
  const [register, program] = ['../../src/register.ts', 'register-program.mjs'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const serving = new Program(process.execPath, ['--import', `${register}`, `${program}`, files.folder], environment);
  const port = await serving.during(
    (async () => {
      for await (const line of createInterface(serving.stdout))
        if (line.startsWith('port ')) return Number(line.slice(5));
      throw serving.failure('did not say its port');
    })(),
  );
  // With the first connection the kernel is tried out, which counts as well.
  await download(port);
  const before = await idle();
  expect(await download(port)).toBe(createHash('sha256').update(content).digest('hex'));
  expect((await settled(before)).TlsTxSw).toBe(sockets);
});
