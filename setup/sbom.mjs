// node setup/sbom.mjs: writes sbom.cdx.json, the bill of materials of what is packed, in CycloneDX's format. npm calls it before it packs.
// The same files give the same bill: it has no time and no random number.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { answerOf } from './command.mjs';
import { readLock } from './openssl-release.mjs';
import { at, projectNode } from './paths.mjs';

function bill() {
  const { name, version, description, license } = readJson('package.json');
  const purl = `pkg:npm/${name}@${version}`;
  const component = { type: 'library', 'bom-ref': purl, name, version, description, purl, ...under(license) };
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { lifecycles: [{ phase: 'build' }], component },
    components: [decryptPage(), wasmModule(), ...readdirSync(at('prebuilds')).sort().map(addon)],
  };
}

function decryptPage() {
  return file('dist/decrypt.html', ['@noble/ciphers', '@noble/hashes'].map(npmPackage));
}

function npmPackage(name) {
  const { version, license } = readJson(`node_modules/${name}/package.json`);
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return { type: 'library', 'bom-ref': purl, name, version, purl, ...under(license) };
}

function wasmModule() {
  return file('wasm/ktls.wasm', [openssl(), ...emscriptensLibraries()]);
}

// The version is what the module itself says; the archive is the one of the lock, from which it was built.
function openssl() {
  const version = answerOf(projectNode(), ['-p', "require('./dist/index.js').versions.openssl"], { cwd: at() })?.trim();
  const lock = readLock();
  if (version !== lock.version)
    throw new Error(`the module has OpenSSL ${version}, wasm/openssl.lock says ${lock.version}`);
  return {
    type: 'library',
    'bom-ref': `openssl@${version}`,
    name: 'openssl',
    version,
    cpe: `cpe:2.3:a:openssl:openssl:${version}:*:*:*:*:*:*:*`,
    purl: `pkg:generic/openssl@${version}`,
    ...under('Apache-2.0'),
    externalReferences: [
      // What OpenSSL's advisories mean here, in the package beside this bill.
      { type: 'exploitability-statement', url: 'openssl.openvex.json' },
      {
        type: 'source-distribution',
        url: `https://github.com/openssl/openssl/releases/download/openssl-${version}/openssl-${version}.tar.gz`,
        hashes: [{ alg: 'SHA-256', content: lock.sha256 }],
      },
    ],
  };
}

function emscriptensLibraries() {
  const [version] = /\d+\.\d+\.\d+/.exec(answerOf('emcc', ['--version']) ?? '') ?? [];
  const description = `as Emscripten ${version ?? ''} brings it`.replace('  ', ' ');
  return [
    ['musl', 'MIT'],
    ['dlmalloc', 'CC0-1.0'],
    ['compiler-rt', 'Apache-2.0 WITH LLVM-exception'],
  ].map(([name, license]) => ({ type: 'library', 'bom-ref': name, name, description, ...under(license) }));
}

function addon(platform) {
  const { version } = readJson('node_modules/node-addon-api/package.json');
  const purl = `pkg:npm/node-addon-api@${version}`;
  const headers = {
    type: 'library',
    'bom-ref': `${platform}/${purl}`,
    name: 'node-addon-api',
    version,
    purl,
    ...under('MIT'),
  };
  return file(`prebuilds/${platform}/ktls.node`, [headers, ...(platform === 'win32-x64' ? windowsRuntimes() : [])]);
}

// What Debian's cross compiler links into the addon for Windows.
function windowsRuntimes() {
  const compiler = answerOf('x86_64-w64-mingw32-g++-win32', ['-dumpfullversion'])?.trim();
  const description = `as GCC ${compiler ?? ''} for mingw-w64 brings it`.replace('  ', ' ');
  return [
    ['mingw-w64', 'ZPL-2.1'],
    ['libgcc', 'GPL-3.0-or-later WITH GCC-exception-3.1'],
    ['libstdc++', 'GPL-3.0-or-later WITH GCC-exception-3.1'],
  ].map(([name, license]) => ({ type: 'library', 'bom-ref': name, name, description, ...under(license) }));
}

function file(path, components) {
  const content = createHash('sha256')
    .update(readFileSync(at(path)))
    .digest('hex');
  return { type: 'file', 'bom-ref': path, name: path, hashes: [{ alg: 'SHA-256', content }], components };
}

function under(license) {
  return { licenses: [/\s/.test(license) ? { expression: license } : { license: { id: license } }] };
}

function readJson(path) {
  return JSON.parse(readFileSync(at(path), 'utf8'));
}

for (const needed of ['dist', 'wasm/ktls.wasm', 'prebuilds']) {
  if (!existsSync(at(needed)))
    throw new Error(`${needed} is missing: node setup/run.mjs wasm native native-arm64 native-windows dist`);
}
writeFileSync(at('sbom.cdx.json'), `${JSON.stringify(bill(), null, 2)}\n`);
