// Who signed a release of OpenSSL. The keys come from wherever the release does; which of them count is said here.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerOf, isOnPath } from './command.mjs';
import { SetupError } from './setup-error.mjs';

// The project's own keys, as OpenSSL's doc/fingerprints.txt has them.
const FINGERPRINTS = [
  'B146647E45A7B33947AB226B2A2C87D161692D40',
  // Until May 2026.
  'BA5473A2B0587B07FB27CF2D216094DFD0CB81EF',
];

// The fingerprint of the key that made `signature` for `file`; undefined where it cannot be found out. Throws if the signature is bad, or
// made by a key that is none of OpenSSL's. `keys`: a file with public keys, armored.
export function signerOf(file, signature, keys) {
  if (!existsSync(signature) || keys === undefined || !isOnPath('gpgv')) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'ktls-keys-'));
  try {
    const keyring = join(folder, 'keys.gpg');
    writeFileSync(keyring, withoutArmor(readFileSync(keys, 'latin1')));
    const words = ['--homedir', folder, '--status-fd', '1', '--keyring', keyring, signature, file];
    const { stdout, status } = spawnSync('gpgv', words, { encoding: 'utf8' });
    // GnuPG's doc/DETAILS: ERRSIG is a signature by a key that is not there.
    if (/^\[GNUPG:\] ERRSIG /m.test(stdout) && !/^\[GNUPG:\] BADSIG /m.test(stdout)) return undefined;
    const primary = /^\[GNUPG:\] VALIDSIG .* ([0-9A-F]{40})$/m.exec(stdout)?.[1];
    if (status !== 0 || primary === undefined) throw new SetupError(`${file} does not fit its signature`, stdout);
    if (FINGERPRINTS.includes(primary)) return primary;
    throw new SetupError(`${file} was signed by ${primary}`, `OpenSSL's own keys are ${FINGERPRINTS.join(', ')}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// The public keys that come with a Debian source package, for its releases (uscan(1)); undefined without any.
export function keysIn(debianArchive, folder) {
  const name = 'debian/upstream/signing-key.asc';
  if (answerOf('tar', ['-xf', debianArchive, '-C', folder, name]) === undefined) return undefined;
  return join(folder, name);
}

// RFC 9580 §6: base64 between a header, which ends with an empty line, and a checksum.
function withoutArmor(text) {
  const blocks = text
    .replaceAll('\r', '')
    .matchAll(/-----BEGIN [^\n]*\n(?:[^\n]+\n)*?\n([A-Za-z0-9+/=\n]*?)\n(?:=[^\n]*\n)?-----END/g);
  return Buffer.concat([...blocks].map(([, base64]) => Buffer.from(base64, 'base64')));
}
