// OpenSSL: its source, pinned by wasm/openssl.lock, and its static libraries for WebAssembly.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { Apt } from '../apt.mjs';
import { answerOf, quietly } from '../command.mjs';
import { isDebian } from '../debian.mjs';
import { at, build } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { tools } from './tools.mjs';

const opensslSource = {
  name: 'openssl-source',
  title: 'OpenSSL source',
  inputs: () => ({ files: ['wasm/openssl.lock'] }),
  outputs: ['build/openssl/source/Configure'],
  async run() {
    const lock = readLock();
    const archive = await fetchRelease(lock);
    const fresh = build('openssl/source.new');
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    await quietly(build('logs/openssl.log'), 'tar', ['-xzf', archive, '--strip-components=1', '-C', fresh]);
    rmSync(build('openssl/source'), { recursive: true, force: true });
    renameSync(fresh, build('openssl/source'));
  },
};

export const opensslLibraries = {
  name: 'openssl',
  title: 'OpenSSL for WebAssembly',
  needs: [tools, opensslSource],
  inputs: () => ({
    files: ['wasm/openssl.lock', 'wasm/openssl.conf', 'wasm/build-openssl.sh', 'wasm/multiply.h', 'wasm/include'],
    values: [answerOf('emcc', ['--version'])],
  }),
  outputs: ['build/openssl/wasm/libssl.a', 'build/openssl/wasm/libcrypto.a'],
  async run() {
    rmSync(build('openssl/wasm'), { recursive: true, force: true });
    await quietly(build('logs/openssl.log'), at('wasm/build-openssl.sh'), [
      build('openssl/source'),
      build('openssl/wasm'),
    ]);
  },
};

export function readLock() {
  const lines = readFileSync(at('wasm/openssl.lock'), 'utf8').trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split('=')));
}

// The sha256 of a release: of OPENSSL_TARBALL where that is set, else as Debian's archive signs it.
export async function checksumOf(version) {
  const given = process.env.OPENSSL_TARBALL;
  if (given !== undefined) return createHash('sha256').update(readFileSync(given)).digest('hex');
  if (!isDebian) throw new SetupError('OPENSSL_TARBALL is not set', `Set it to the path of openssl-${version}.tar.gz`);
  const apt = new Apt('deb-src', SUITES);
  await apt.update();
  const found = apt.checksumOf('openssl', version);
  if (found !== undefined) return found;
  throw new SetupError(
    `Debian does not offer OpenSSL ${version}`,
    `It has ${apt.versionsOf('openssl').join(', ')}. Set OPENSSL_TARBALL to the path of the release, its signature checked.`,
  );
}

// Resolves to the path of a release's tar file, fetched if it is not there yet.
export async function fetchRelease(lock) {
  const archive = build('openssl', `openssl-${lock.version}.tar.gz`);
  if (!isLocked(archive, lock)) await fetchArchive(archive, lock);
  return archive;
}

async function fetchArchive(archive, lock) {
  mkdirSync(build('openssl'), { recursive: true });
  const given = process.env.OPENSSL_TARBALL;
  if (given !== undefined) {
    if (!isLocked(given, lock)) throw new SetupError(`OPENSSL_TARBALL is not ${describe(lock)}`, `It names ${given}`);
    return copyFileSync(given, archive);
  }
  if (!isDebian) throw new SetupError('OPENSSL_TARBALL is not set', `Set it to the path of ${describe(lock)}`);
  const apt = new Apt('deb-src', SUITES);
  await apt.update();
  const downloaded = build('openssl/download', `openssl_${lock.version}.orig.tar.gz`);
  const listed = apt.versionsWith(lock.sha256, 'openssl');
  for (const version of listed) {
    // A mirror may list a version whose file it does not have (yet, or any more): the next one may be the same file.
    await apt.downloadSource('openssl', version, build('openssl/download')).catch(() => undefined);
    if (isLocked(downloaded, lock)) return renameSync(downloaded, archive);
  }
  if (listed.length > 0) {
    throw new SetupError(
      `Debian lists ${describe(lock)}, but the mirror does not have it`,
      'Try again later, or set OPENSSL_TARBALL to the path of that release.',
    );
  }
  throw new SetupError(
    `Debian does not offer ${describe(lock)}`,
    `It has ${apt.versionsOf('openssl').join(', ')}. Set OPENSSL_TARBALL to the path of that release, ` +
      'or change wasm/openssl.lock to a version that is there.',
  );
}

function isLocked(path, lock) {
  return existsSync(path) && createHash('sha256').update(readFileSync(path)).digest('hex') === lock.sha256;
}

function describe(lock) {
  return `openssl-${lock.version}.tar.gz with sha256 ${lock.sha256}`;
}

const SUITES = ['trixie', 'forky'];
