import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Version } from '@cyclonedx/cyclonedx-library/Spec';
import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { versions } from '../../src/platform/versions.ts';
import { exchange, exchanged } from './exchange.ts';
import { type Installation, install, root } from './installation.ts';

let installation: Installation;

beforeAll(async () => {
  installation = await install();
}, 240_000);

afterAll(() => installation?.remove());

describe('the tarball', () => {
  test('has what it needs, and nothing that it does not', () => {
    const files = readdirSync(installation.package, { recursive: true, encoding: 'utf8' });
    expect(files).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'NOTICE',
        'README.md',
        'SECURITY.md',
        'dist/decrypt.html',
        'dist/index.js',
        'dist/index.d.ts',
        'openssl.openvex.json',
        'package.json',
        'prebuilds/linux-arm64/ktls.node',
        'prebuilds/linux-x64/ktls.node',
        'prebuilds/win32-x64/ktls.node',
        'sbom.cdx.json',
        'wasm/ktls.wasm',
      ]),
    );
    expect(
      files.filter((name) =>
        /^(?!docs\b|examples\b).*\.(?:c|cc|mjs)$|^(?:src|test|setup|build|native)$|(?<!\.d)\.ts$/.test(name),
      ),
    ).toEqual([]);
  });

  test('is small', () => {
    expect(statSync(installation.tarball).size).toBeLessThan(1_500_000);
  });

  test('imports no module of Node.js where that would load more than is used', () => {
    const dist = join(installation.package, 'dist');
    const importing = readdirSync(dist, { recursive: true, encoding: 'utf8' })
      .filter((name) => /^[^/\\]+\.js$|^chunks\b.*\.js$/.test(name))
      .filter((name) => /^import .*"node:/m.test(readFileSync(join(dist, name), 'utf8')));
    expect(importing).toEqual([]);
  });

  test('stands on nothing else, and runs nothing when it is installed', () => {
    const modules = join(installation.folder, 'node_modules');
    expect(readdirSync(modules).filter((name) => !name.startsWith('.'))).toEqual(['ktls']);
    const { dependencies, optionalDependencies, scripts } = packageJson(installation.package);
    expect([dependencies, optionalDependencies]).toEqual([undefined, undefined]);
    expect(Object.keys(Object(scripts)).filter((name) => /install|^prepare$/.test(name))).toEqual([]);
  });

  test('has a bill of materials, whose OpenSSL is the one in the module', async () => {
    const text = readFileSync(join(installation.package, 'sbom.cdx.json'), 'utf8');
    expect(await new JsonStrictValidator(Version.v1dot6).validate(text)).toBeNull();
    const bill: { components: { name: string; hashes: { content: string }[]; components: { name: string }[] }[] } =
      JSON.parse(text);
    for (const { name, hashes } of bill.components) {
      const file = readFileSync(join(installation.package, name));
      expect(hashes).toEqual([{ alg: 'SHA-256', content: createHash('sha256').update(file).digest('hex') }]);
    }
    expect(bill.components.map(({ name }) => name).sort()).toEqual([
      'dist/decrypt.html',
      'prebuilds/linux-arm64/ktls.node',
      'prebuilds/linux-x64/ktls.node',
      'prebuilds/win32-x64/ktls.node',
      'wasm/ktls.wasm',
    ]);
    expect(bill.components.find(({ name }) => name === 'wasm/ktls.wasm')?.components[0]).toMatchObject({
      name: 'openssl',
      version: versions.openssl,
    });
    const notice = readFileSync(join(installation.package, 'NOTICE'), 'utf8').toLowerCase();
    const parts = bill.components.flatMap(({ components }) => components.map(({ name }) => name));
    expect(parts.filter((name) => !notice.includes(name))).toEqual([]);
  });

  // Node.js 22 needs glibc 2.28 itself, and libstdc++ of GCC 8.
  test.each(['linux-x64', 'linux-arm64'])('the addon for %s asks for old libraries only', (platform) => {
    const binary = readFileSync(join(installation.package, 'prebuilds', platform, 'ktls.node'), 'latin1');
    expect(newest(binary, /\bGLIBC_(\d+)\.(\d+)/g)).toBeLessThanOrEqual(2_028);
    expect(newest(binary, /\bGLIBCXX_3\.(\d+)\.(\d+)/g)).toBeLessThanOrEqual(4_025);
    expect(binary.includes('GLIBC_PRIVATE')).toBe(false);
  });

  test('the addon for Windows asks for what every Windows has, and for no program by its name', () => {
    const binary = readFileSync(join(installation.package, 'prebuilds/win32-x64/ktls.node'), 'latin1');
    const libraries = binary.match(/[\w.-]+\.(?:dll|exe)(?=\0)/gi);
    expect(new Set(libraries)).toEqual(new Set(['KERNEL32.dll', 'msvcrt.dll']));
  });
});

describe('installed', { timeout: 120_000 }, () => {
  test.each([
    ['import', 'default.mjs', "import tls from 'ktls';"],
    ['import of names', 'names.mjs', "import * as tls from 'ktls';"],
    ['require', 'require.cjs', "const tls = require('ktls');"],
  ])('it works by %s', async (_by, name, statement) => {
    writeFileSync(join(installation.folder, name), exchange(statement));
    expect(await installation.run('node', name)).toEqual({ stdout: exchanged, stderr: '' });
  });

  test('it has the command ktls', async () => {
    const { stdout, stderr } = await installation.run('npx', '--offline', 'ktls', 'probe', '--json');
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ versions: { ktls: expect.any(String) }, ciphers: expect.any(Array) });
  });

  test('it has the page of ktls serve --inspect', async () => {
    const program = join(installation.package, 'dist/cli/ktls.js');
    const words = [program, 'serve', '--port', '0', '--inspect', '--json'];
    const serving = spawn(process.execPath, words, { cwd: installation.folder, stdio: ['ignore', 'pipe', 'inherit'] });
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

  test('it has adapters and ktls/keys, and takes the place of node:tls', async () => {
    const adapters = ['https', 'http2', 'undici'].map((name) => `import 'ktls/${name}';`);
    adapters.push("import { captureTo, fromCryptoInfo, toCryptoInfo } from 'ktls/keys';");
    const told = "import tls from 'node:tls';\nconsole.log(typeof tls.TLSSocket.prototype.updateKeys);";
    writeFileSync(join(installation.folder, 'register.mjs'), [...adapters, told].join('\n'));
    const { stdout } = await installation.run('node', '--import', 'ktls/register', 'register.mjs');
    expect(stdout).toBe('function\n');
  });

  test('it says its versions: its own, and the OpenSSL of wasm/openssl.lock', async () => {
    writeFileSync(
      join(installation.folder, 'versions.mjs'),
      "import tls, { versions } from 'ktls'; console.log(JSON.stringify(versions), tls.versions === versions);",
    );
    const { stdout } = await installation.run('node', 'versions.mjs');
    const [, openssl] = /^version=(.*)$/m.exec(readFileSync(join(root, 'wasm/openssl.lock'), 'utf8')) ?? [];
    expect(stdout).toBe(`${JSON.stringify({ ktls: packageJson(root).version, openssl })} true\n`);
  });
});

function packageJson(folder: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** The newest of the symbol versions that a binary names, major and minor in one number. */
function newest(binary: string, version: RegExp): number {
  return Math.max(...[...binary.matchAll(version)].map(([, major, minor]) => Number(major) * 1000 + Number(minor)));
}
