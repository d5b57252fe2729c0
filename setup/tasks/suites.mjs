// npm run suites [-- FOLDER…]: the tests that packages have for the files they send, over TLS, once with node:tls and once with ktls/register in its
// place, where every file stream goes by sendFile(). The same must pass. Without folders: packages whose tests are on npm. A folder is
// the source of a package, with its dependencies installed and tests for node:test, mocha, jest or uvu.
// npm run suites -- node DIR …: Node's own tests; ./node-tests.mjs says how.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectEnvironment, quietly } from '../command.mjs';
import { at, build, projectNode } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { dist } from '../steps/dist.mjs';
import { native } from '../steps/native.mjs';
import { wasm } from '../steps/wasm.mjs';
import { runNodeTests } from './node-tests.mjs';
import { testRunner } from './test-runners.mjs';

const onNpm = ['@fastify/send@4.2.1', '@fastify/static@10.1.11'];

export const suites = {
  steps: () => [wasm, native, dist],
  run: async (folders) => {
    if (folders[0] === 'node') return runNodeTests(folders.slice(1));
    const temporary = mkdtempSync(build('suites-'));
    try {
      writeIdentity(temporary);
      const all =
        folders.length > 0
          ? folders.map((folder) => resolve(folder))
          : await Promise.all(onNpm.map((name, index) => fetched(name, join(temporary, `${index}`))));
      const same = all.map((folder) => compare(folder, temporary));
      return same.every(Boolean) ? 0 : 1;
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  },
};

// What a package holds, its tests made to ask for https where they spell it out.
async function fetched(name, folder) {
  mkdirSync(folder);
  const environment = { env: projectEnvironment() };
  const log = build('suites.log');
  await quietly(log, 'npm', ['pack', '--silent', '--pack-destination', folder, name], environment);
  const [archive] = readdirSync(folder);
  await quietly(log, 'tar', ['-xzf', join(folder, archive), '-C', folder, '--strip-components=1']);
  await quietly(log, 'npm', ['install', '--no-audit', '--no-fund', '--prefix', folder], environment);
  for (const file of readdirSync(join(folder, 'test')).filter((one) => one.endsWith('.js'))) {
    const text = readFileSync(join(folder, 'test', file), 'utf8');
    writeFileSync(join(folder, 'test', file), text.replaceAll(/http:\/\/(?=localhost:|127\.0\.0\.1:)/g, 'https://'));
  }
  return folder;
}

function writeIdentity(folder) {
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=localhost', '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  const { status } = spawnSync('openssl', [...words, ...names]);
  if (status !== 0) throw new SetupError('There is no certificate', 'Install openssl.');
}

// Whether the same tests passed.
function compare(folder, temporary) {
  const { name = basename(folder), version = '' } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const runner = testRunner(folder);
  const over = ['--import', pathToFileURL(at('test/suites/over-tls.mjs')).href];
  const register = ['--import', pathToFileURL(at('dist/register.js')).href];
  const first = runner.imports ?? [];
  const [before, after] = [over, [...register, ...over]].map((imports) =>
    verdicts(folder, temporary, [...first, ...imports], runner),
  );
  const different = [...new Set([...before.lines, ...after.lines])].filter(
    (line) => before.lines.filter((one) => one === line).length !== after.lines.filter((one) => one === line).length,
  );
  const passed = after.lines.filter((line) => line.startsWith('ok')).length;
  console.log(
    `${name} ${version}: ${passed} of ${after.lines.length} pass with ktls, which sent ${after.files} files; with node:tls ${
      different.length === 0 ? 'the same ones' : 'others'
    }`,
  );
  for (const line of after.lines) if (/^not ok/.test(line) && !different.includes(line)) console.log(`  both: ${line}`);
  for (const line of different) console.log(`  ${before.lines.includes(line) ? 'node:tls' : 'ktls'}: ${line}`);
  return different.length === 0 && passed > 0;
}

// What was said of each test, and how many files did not go through a stream.
function verdicts(folder, temporary, imports, { words, linesOf }) {
  const { stdout, stderr, error } = spawnSync(projectNode(), words, {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 300_000,
    env: projectEnvironment({
      NODE_OPTIONS: imports.join(' '),
      KTLS_SUITES_IDENTITY: pathToFileURL(`${temporary}/`).href,
      KTLS_DEBUG: '1',
      KTLS_FILES: 'all',
    }),
  });
  if (error) throw new SetupError(`The tests in ${folder} did not end`, error.message);
  return {
    lines: linesOf(stdout),
    files: `${stdout}${stderr}`.match(/ktls file .*?: [1-9]\d* bytes sent/g)?.length ?? 0,
  };
}
