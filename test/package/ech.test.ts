import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Installation, install, root } from './installation.ts';

let installation: Installation;

beforeAll(async () => {
  installation = await install();
  writeFileSync(join(installation.folder, 'ech.mjs'), program);
}, 240_000);

afterAll(() => installation?.remove());

const program = `import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import tls from 'ktls';
import { generateEchKey } from 'ktls/ech';
const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(name));
try {
  const { pem, configs } = generateEchKey({ publicName: 'localhost' });
  const server = tls.createServer({ key, cert, ech: { keys: pem } }, (socket) => socket.end());
  await once(server.listen(0), 'listening');
  const socket = tls.connect({ port: server.address().port, host: 'localhost', ca: cert, ech: { configs } });
  await once(socket, 'secureConnect');
  console.log(socket.ech.status);
  socket.destroy();
  server.close();
} catch (error) {
  console.log(error.code, error.message);
}
`;

test('without the package ktls-ech it is told what to install; all else works', async () => {
  const { stdout } = await installation.run('node', 'ech.mjs');
  expect(stdout).toMatch(/^ERR_KTLS_UNAVAILABLE .*npm install ktls-ech/);
});

test('with it, it works', async () => {
  await installation.run('npm', 'pack', join(root, 'ech'), '--loglevel=error');
  const tarball = readdirSync(installation.folder).find((name) => name.startsWith('ktls-ech-')) ?? '';
  expect(statSync(join(installation.folder, tarball)).size).toBeLessThan(900_000);
  await installation.run('npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--offline', `./${tarball}`);
  const folder = join(installation.folder, 'node_modules/ktls-ech');
  expect(readdirSync(folder).toSorted()).toEqual(['LICENSE', 'NOTICE', 'README.md', 'ktls-ech.wasm', 'package.json']);
  expect((await installation.run('node', 'ech.mjs')).stdout).toBe('accepted\n');
}, 120_000);

test('both packages have the same version, which one asks of the other', () => {
  const read = (path: string): { version: string; peerDependencies?: object } =>
    JSON.parse(readFileSync(join(root, path), 'utf8'));
  const [ktls, ech] = [read('package.json'), read('ech/package.json')];
  expect([ech.version, ktls.peerDependencies]).toEqual([ktls.version, { 'ktls-ech': ktls.version }]);
});
