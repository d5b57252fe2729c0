// Releases of OpenSSL: which ones wasm/openssl.lock names, one for each series, and where their sources come from.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Apt } from './apt.mjs';
import { isDebian } from './debian.mjs';
import { keysIn, signerOf } from './openssl-signature.mjs';
import { at, build } from './paths.mjs';
import { SetupError } from './setup-error.mjs';

// All of Debian's that may have one, security updates included: those of stable and testing.
const SUITES = ['trixie', 'forky', 'sid', 'experimental'];

// The release of a series, "3.5" for one; without it the first, which is the one that is packed.
export function readLock(series) {
  const sections = readSections();
  const [name, ...lines] = sections.find(([title]) => series === undefined || title === series) ?? [];
  if (name === undefined)
    throw new SetupError(`wasm/openssl.lock names no release of OpenSSL ${series}`, listed(sections));
  return { series: name, ...Object.fromEntries(lines.map((line) => line.split('='))) };
}

// Puts a release in the place of its series' last one, or behind all others.
export function writeLock({ version, sha256 }) {
  const series = seriesOf(version);
  const sections = readSections();
  const section = [series, `version=${version}`, `sha256=${sha256}`];
  const index = sections.findIndex(([title]) => title === series);
  sections.splice(index < 0 ? sections.length : index, index < 0 ? 0 : 1, section);
  const text = sections.map(([title, ...lines]) => [`[${title}]`, ...lines].join('\n'));
  writeFileSync(at('wasm/openssl.lock'), `${text.join('\n')}\n`);
}

export function seriesOf(version) {
  return version.split('.').slice(0, 2).join('.');
}

function readSections() {
  const text = readFileSync(at('wasm/openssl.lock'), 'utf8').trim();
  return text
    .split(/^\[/m)
    .filter((section) => section !== '')
    .map((section) => section.trim().replace(']', '').split('\n'));
}

function listed(sections) {
  return `It has ${sections.map(([title]) => title).join(', ')}.`;
}

// Resolves to { version, sha256, told }: the checksum of a release and on whose word it is believed. `path`: a tar file; without it,
// OPENSSL_TARBALL; without that, Debian's archive.
export async function findRelease(version, path = process.env.OPENSSL_TARBALL) {
  if (path !== undefined) {
    const signer = signerOf(path, `${path}.asc`, process.env.OPENSSL_KEYS);
    const word =
      signer === undefined ? 'its signature was not checked (PATH.asc, and keys in OPENSSL_KEYS)' : by(signer);
    return { version, sha256: checksum(path), told: `of ${path}; ${word}` };
  }
  if (!isDebian) throw new SetupError('OPENSSL_TARBALL is not set', `Set it to the path of openssl-${version}.tar.gz`);
  const apt = await debian();
  const sha256 = apt.checksumOf('openssl', version);
  if (sha256 === undefined) {
    throw new SetupError(
      `Debian does not offer OpenSSL ${version}`,
      `It has ${apt.versionsOf('openssl').join(', ')}. Give the path of the release's tar file: npm run openssl:update VERSION PATH`,
    );
  }
  return {
    version,
    sha256,
    told: `as Debian's archive signs it; ${await signatureInDebian(apt, { version, sha256 })}`,
  };
}

// What OpenSSL's own signature says, which Debian keeps beside a release. A mirror may lack parts of a source package.
async function signatureInDebian(apt, lock) {
  const folder = build('openssl/download', lock.version);
  for (const version of apt.versionsWith(lock.sha256, 'openssl')) {
    await apt.downloadSource('openssl', version, folder, 'whole').catch(() => undefined);
    const tar = `${folder}/openssl_${lock.version}.orig.tar.gz`;
    const packaging = existsSync(folder) && readdirSync(folder).find((name) => name.endsWith('.debian.tar.xz'));
    if (!packaging || !isLocked(tar, lock)) continue;
    const signer = signerOf(tar, `${tar}.asc`, keysIn(`${folder}/${packaging}`, folder));
    if (signer !== undefined) return by(signer);
  }
  return "OpenSSL's own signature could not be had";
}

function by(signer) {
  return `signed by OpenSSL's key ${signer.replace(/(.{4})(?=.)/g, '$1 ')}`;
}

// Resolves to the path of a release's tar file, fetched if it is not there yet.
export async function fetchRelease(lock, path = process.env.OPENSSL_TARBALL) {
  const archive = build('openssl', `openssl-${lock.version}.tar.gz`);
  if (!isLocked(archive, lock)) await fetchArchive(archive, lock, path);
  return archive;
}

async function fetchArchive(archive, lock, path) {
  mkdirSync(build('openssl'), { recursive: true });
  if (path !== undefined) {
    if (!isLocked(path, lock)) throw new SetupError(`the release given is not ${describe(lock)}`, `It is ${path}`);
    return copyFileSync(path, archive);
  }
  if (!isDebian) throw new SetupError('OPENSSL_TARBALL is not set', `Set it to the path of ${describe(lock)}`);
  const apt = await debian();
  const folder = build('openssl/download', lock.version);
  const versions = apt.versionsWith(lock.sha256, 'openssl');
  for (const version of versions) {
    // A mirror may list a version whose file it does not have (yet, or any more): the next one may be the same file.
    await apt.downloadSource('openssl', version, folder).catch(() => undefined);
    const downloaded = `${folder}/openssl_${lock.version}.orig.tar.gz`;
    if (isLocked(downloaded, lock)) return renameSync(downloaded, archive);
  }
  if (versions.length > 0) {
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

async function debian() {
  const apt = new Apt('deb-src', SUITES);
  await apt.update();
  return apt;
}

function isLocked(path, lock) {
  return existsSync(path) && checksum(path) === lock.sha256;
}

function checksum(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function describe({ version, sha256 }) {
  return `openssl-${version}.tar.gz with sha256 ${sha256}`;
}
