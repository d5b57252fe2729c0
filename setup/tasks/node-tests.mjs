// npm run suites -- node DIR [--runtime node-22] [--jobs N] [WORD…]: Node's own tests that use TLS, each in a process of its own: with node:tls, then
// with ktls/register in its place, with the addon and without. DIR holds the folder test of a release of Node. Words choose tests by their paths.
// What fails with node:tls proves nothing and is left out. What fails with ktls alone must be on the list, and the list must be true.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { answerOf } from '../command.mjs';
import { at, build, projectNode } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { runtimePath } from '../steps/runtimes.mjs';

const FOLDERS = ['parallel', 'sequential', 'async-hooks', 'client-proxy', 'system-ca', 'pummel'];
const USES_TLS = /(?:\brequire\(|\bfrom |\bimport\()['"](?:node:)?(?:tls|https|http2)['"]/;
const NAMED_TLS = /^test-(?:tls|https|http2)-/;
const SECONDS = 60;

// So that both have an option --import, which some tests notice.
const NOTHING = '--import=data:text/javascript,';
const REGISTER = `--import=${pathToFileURL(at('dist/register.js')).href}`;

const PASSES = [
  { name: 'ktls', options: [REGISTER] },
  { name: 'ktls without the addon', options: [REGISTER, '--no-addons'] },
];

// Resolves to 0 when what fails is what the list says.
export async function runNodeTests(words) {
  const { values, positionals } = parseArgs({
    args: words,
    options: { runtime: { type: 'string' }, jobs: { type: 'string', default: '2' } },
    allowPositionals: true,
  });
  const [folder, ...filters] = positionals;
  const program = values.runtime ? at(runtimePath(values.runtime)) : projectNode();
  const release = `Node.js ${answerOf(program, ['-p', 'process.versions.node.split(".")[0]'])?.trim()}`;
  const run = { program, release, jobs: Number(values.jobs), folder: testFolder(folder) };
  const tests = testsIn(run.folder, filters);
  const plain = await verdicts(run, { name: 'node:tls', options: [NOTHING] }, tests);
  const able = tests.filter((test) => plain.get(test) === 'passes');
  console.log(`${release}, node:tls: ${able.length} of ${tests.length} pass${counts(plain)}`);
  let isTrue = true;
  for (const pass of PASSES) isTrue = report(run, pass, await verdicts(run, pass, able)) && isTrue;
  return isTrue ? 0 : 1;
}

function testFolder(folder) {
  const found = [join(folder ?? '', 'test'), folder ?? ''].find((one) => isFolder(join(one, 'parallel')));
  if (folder !== undefined && found !== undefined) return resolve(found);
  throw new SetupError(
    `There are no tests of Node in ${folder ?? 'no folder'}`,
    'Give a folder with the folder test of a release: of https://github.com/nodejs/node, or https://github.com/denoland/node_test.',
  );
}

function isFolder(path) {
  try {
    return readdirSync(path).length > 0;
  } catch {
    return false;
  }
}

function testsIn(folder, filters) {
  const all = FOLDERS.filter((name) => isFolder(join(folder, name))).flatMap((name) =>
    readdirSync(join(folder, name)).map((file) => `${name}/${file}`),
  );
  return all.filter((test) => {
    const file = test.slice(test.indexOf('/') + 1);
    if (!/^test-.*\.m?js$/.test(file)) return false;
    if (filters.length > 0 && !filters.some((word) => test.includes(word))) return false;
    return NAMED_TLS.test(file) || USES_TLS.test(readFileSync(join(folder, test), 'utf8'));
  });
}

// What became of each: 'passes', 'is skipped', or how it failed. Those of most folders side by side, and once more alone where
// they fail so.
async function verdicts(run, pass, tests) {
  const results = new Map();
  const log = build('logs/node-tests', pass.name.replaceAll(/\W+/g, '-'));
  rmSync(log, { recursive: true, force: true });
  const work = async (waiting, slot) => {
    for (let test = waiting.shift(); test; test = waiting.shift()) {
      results.set(test, await verdict(run, pass, { test, slot, log }));
    }
  };
  const parallel = tests.filter((test) => !ALONE.test(test));
  await Promise.all(Array.from({ length: run.jobs }, (_, slot) => work(parallel, slot)));
  await work(
    tests.filter((test) => ALONE.test(test) || isFailure(results.get(test))),
    run.jobs,
  );
  return results;
}

const ALONE = /^(?:sequential|pummel)\//;

const isFailure = (verdict) => verdict !== undefined && verdict !== 'passes' && verdict !== 'is skipped';

async function verdict(run, { options }, { test, slot, log }) {
  const temporary = mkdtempSync(build('node-test-'));
  try {
    const file = join(run.folder, test);
    const text = readFileSync(file, 'utf8');
    const flags = wordsBehind('Flags', text);
    const asked = Object.fromEntries(wordsBehind('Env', text).map((word) => word.split('=')));
    const own = { NODE_OPTIONS: options.join(' '), TEST_THREAD_ID: `${slot}`, NODE_TEST_DIR: temporary };
    const env = environment({ ...own, ...asked });
    if (test.startsWith('system-ca/')) env.SSL_CERT_FILE = systemAuthorities(run.folder, temporary);
    const { said, output } = await ended(run.program, [...flags, file], { cwd: run.folder, env });
    if (isFailure(said)) {
      const path = join(log, `${test}.log`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `${said}\n${output}`);
    }
    return said;
  } finally {
    rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
  }
}

// `// Flags: --one --two` at the head of a test.
function wordsBehind(name, text) {
  const lines = [...text.matchAll(new RegExp(`^// ${name}:(.*)$`, 'gm'))];
  return lines.flatMap(([, words]) => words.trim().split(/\s+/));
}

// What these tests ask to have installed on the machine.
function systemAuthorities(folder, temporary) {
  const names = ['fake-startcom-root-cert', 'intermediate-ca', 'non-trusted-intermediate-ca'];
  const texts = names.map((name) => readFileSync(join(folder, 'fixtures/keys', `${name}.pem`), 'utf8'));
  const file = join(temporary, 'system.pem');
  writeFileSync(file, texts.join('\n'));
  return file;
}

// Without what would change how TLS is spoken, here or there.
function environment(additions) {
  const env = { ...process.env, NODE_SKIP_FLAG_CHECK: '1', ...additions };
  for (const name of Object.keys(env))
    if (/^(?:KTLS|SSL|NODE_TLS|NODE_EXTRA_CA|.*_proxy$)/i.test(name)) delete env[name];
  return env;
}

// A group of its own, whose end takes along what a test has left running.
function ended(program, words, options) {
  const child = spawn(program, words, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let isLate = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      if (output.length < OUTPUT_KEPT) output += text;
    });
  }
  const kill = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  };
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, SECONDS * 1000);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', kill);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ said: said(isLate, code ?? signal, output), output });
    });
  });
}

function said(isLate, status, output) {
  if (isLate) return `does not end within ${SECONDS} s`;
  if (status !== 0) return `ends with ${status}`;
  return /^1\.\.0 # Skipped/m.test(output) ? 'is skipped' : 'passes';
}

const OUTPUT_KEPT = 65_536;

function counts(results) {
  const all = [...results.values()];
  const skipped = all.filter((one) => one === 'is skipped').length;
  return `, ${skipped} skip themselves, ${all.filter(isFailure).length} fail`;
}

// Whether the list told the truth. It has reasons that hold everywhere, and by names those of one pass or one release of Node.
function report({ release }, pass, results) {
  const passed = [...results.values()].filter((one) => one === 'passes').length;
  console.log(`${pass.name}: ${passed} of ${results.size} pass`);
  const lists = JSON.parse(readFileSync(at('test/suites/node-tests.json'), 'utf8'));
  const list = { ...lists.everywhere, ...lists[pass.name], ...lists[release] };
  let isTrue = true;
  for (const [test, verdict] of [...results].sort()) {
    if (isFailure(verdict)) {
      console.log(`  ${test} ${verdict}: ${list[test] ?? 'NOT ON THE LIST'}`);
    } else if (list[test]) console.log(`  ${test} ${verdict}, and is ON THE LIST: ${list[test]}`);
    if (isFailure(verdict) !== (list[test] !== undefined)) isTrue = false;
  }
  return isTrue;
}
