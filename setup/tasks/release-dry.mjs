// npm run release:dry: all of a release but the publishing. RELEASING.md says where it belongs.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerOf, projectEnvironment } from '../command.mjs';
import { at } from '../paths.mjs';
import { dist } from '../steps/dist.mjs';
import { native, nativeArm64, nativeWindows } from '../steps/native.mjs';
import { wasm } from '../steps/wasm.mjs';

export const releaseDry = {
  steps: () => [wasm, native, nativeArm64, nativeWindows, dist],
  run() {
    const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
    const faults = faultsOf(version);
    const folder = mkdtempSync(join(tmpdir(), 'ktls-release-'));
    try {
      faults.push(...tryPackage(folder, version));
    } finally {
      rmSync(folder, { recursive: true });
    }
    for (const fault of faults) console.error(`not ready: ${fault}`);
    console.log(faults.length === 0 ? `ktls ${version} could be published` : `${faults.length} to mend`);
    return faults.length === 0 ? 0 : 1;
  },
};

// What is wrong with the clone.
function faultsOf(version) {
  const faults = [];
  if (answerOf('git', ['status', '--porcelain'], { cwd: at('.') })?.trim()) faults.push('git status is not clean');
  if (answerOf('git', ['tag', '--list', `v${version}`], { cwd: at('.') })?.trim())
    faults.push(`there is a tag v${version} already: set another version in package.json`);
  const changes = readFileSync(at('CHANGELOG.md'), 'utf8');
  if (!changes.includes(`\n## ${version}`)) faults.push(`CHANGELOG.md has no heading "## ${version}"`);
  if (/\n## Unreleased/.test(changes)) faults.push('CHANGELOG.md has changes under "Unreleased"');
  return faults;
}

// Packs it, shows what is in it, installs it in an empty folder and loads each of its entries. Answers what went wrong.
function tryPackage(folder, version) {
  const npm = (...words) => answerOf('npm', words, { cwd: folder, env: projectEnvironment() });
  const [packed] = JSON.parse(npm('pack', at('.'), '--json', '--loglevel=error') ?? '[]');
  if (!packed) return ['npm pack failed'];
  for (const { path, size } of packed.files) console.log(`${String(size).padStart(9)}  ${path}`);
  console.log(`${packed.filename}: ${packed.size} bytes, ${packed.integrity}`);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  npm('install', '--ignore-scripts', '--no-audit', '--no-fund', '--offline', `./${packed.filename}`);
  const entries = JSON.stringify([
    'ktls/https',
    'ktls/http2',
    'ktls/undici',
    'ktls/keys',
    'ktls/tickets',
    'ktls/credentials',
    'ktls/metrics',
    'ktls/register',
  ]);
  const program = `for (const name of ${entries}) await import(name); console.log((await import('ktls')).versions.ktls)`;
  const answer = answerOf('node', ['--input-type=module', '-e', program], { cwd: folder })?.trim();
  return answer === version ? [] : [`the installed package says it is ${answer}`];
}
