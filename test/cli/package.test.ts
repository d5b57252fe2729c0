import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../src/cli/self-signed.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ktls-package-'));
const installed = join(folder, 'node_modules/ktls');
const run = promisify(execFile);

describe('the package, as npm would install it', { timeout: 60_000 }, () => {
  beforeAll(async () => {
    for (const made of ['dist/index.js', 'wasm/ktls.wasm', 'prebuilds']) {
      if (!existsSync(join(root, made))) throw new Error(`${made} is missing: node setup/run.mjs wasm native dist`);
    }
    const options = { cwd: folder, shell: process.platform === 'win32' };
    const words = ['pack', root, '--ignore-scripts', '--json', '--pack-destination', folder];
    await run('npm', words, options);
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--offline'];
    await run('npm', ['install', ...quiet, `./${tarball}`], options);
    const { key, cert } = selfSigned(['localhost', '127.0.0.1']);
    writeFileSync(join(folder, 'key.pem'), key);
    writeFileSync(join(folder, 'cert.pem'), cert);
  }, 120_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('has what it needs, and nothing that it does not', () => {
    const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
    expect(files).toEqual(
      expect.arrayContaining(['LICENSE', 'NOTICE', 'README.md', 'dist', 'package.json', 'prebuilds']),
    );
    expect(files).toContain(join('wasm', 'ktls.wasm'));
    expect(
      files.filter((name) => /^(?!docs\b).*\.(?:c|cc|mjs)$|^(?:src|test|setup|build|native)$|(?<!\.d)\.ts$/.test(name)),
    ).toEqual([]);
  });

  test('stands on nothing else', () => {
    expect(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['ktls']);
  });

  test.each([
    ['import', 'default.mjs', "import tls from 'ktls';"],
    ['import of names', 'names.mjs', "import * as tls from 'ktls';"],
    ['require', 'require.cjs', "const tls = require('ktls');"],
  ])('works by %s', async (_by, name, statement) => {
    writeFileSync(join(folder, name), `${statement}\n${exchange}`);
    const { stdout, stderr } = await run(process.execPath, [name], { cwd: folder, timeout: 30_000 });
    expect(stderr).toBe('');
    expect(stdout).toBe('TLSv1.3 authorized: true, 1000000 bytes came back\n');
  });

  test('brings the command', async () => {
    const options = { cwd: folder, timeout: 50_000, shell: process.platform === 'win32' };
    const { stdout, stderr } = await run('npx', ['--offline', 'ktls', 'probe', '--json'], options);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ versions: { ktls: expect.any(String) }, ciphers: expect.any(Array) });
  });

  test('brings the page of ktls serve --inspect', async () => {
    const program = join(installed, 'dist/cli/ktls.js');
    const words = ['serve', '--port', '0', '--inspect', '--json'];
    const serving = spawn(process.execPath, [program, ...words], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [line] = await once(serving.stdout.setEncoding('utf8'), 'data');
      const { inspect } = JSON.parse(String(line).split('\n')[0] ?? '');
      for (const path of ['', 'page.css', 'inspect/page/main.js', 'quantities.js']) {
        expect((await fetch(new URL(path, inspect))).status).toBe(200);
      }
    } finally {
      serving.kill();
    }
  });

  test('has adapters and ktls/keys, and takes the place of node:tls', async () => {
    const adapters = ['https', 'http2', 'undici'].map((name) => `import 'ktls/${name}';`);
    adapters.push("import { captureTo, fromCryptoInfo, toCryptoInfo } from 'ktls/keys';");
    const told = "import tls from 'node:tls';\nconsole.log(typeof tls.TLSSocket.prototype.updateKeys);";
    writeFileSync(join(folder, 'register.mjs'), [...adapters, told].join('\n'));
    const words = ['--import', 'ktls/register', 'register.mjs'];
    const { stdout } = await run(process.execPath, words, { cwd: folder, timeout: 30_000 });
    expect(stdout).toBe('function\n');
  });
});

/** A client sends, a server sends it back. */
const exchange = `
const { readFileSync } = process.getBuiltinModule('node:fs');
const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(name));
const server = tls.createServer({ key, cert }, (socket) => socket.pipe(socket));
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: cert });
  const sent = Buffer.alloc(1_000_000, 'ktls');
  const parts = [];
  socket.on('secureConnect', () => socket.end(sent));
  socket.on('data', (part) => parts.push(part));
  socket.on('end', () => {
    const received = Buffer.concat(parts);
    if (!received.equals(sent)) throw new Error('what came back is not what was sent');
    console.log(socket.getProtocol(), 'authorized:', socket.authorized + ',', received.length, 'bytes came back');
    server.close();
  });
});
`;
