import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { unless } from '../helpers/unless.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ktls-releases-'));
const file = (name: string): string => join(folder, name);

afterAll(() => rmSync(folder, { recursive: true }));

/** What an expression of the setup's comes to, as JSON; or the error's message. */
function evaluate(module: string, expression: string): unknown {
  const program = `
    import * as setup from './setup/${module}.mjs';
    const said = () => { try { return ${expression}; } catch (error) { return error.message; } };
    console.log(JSON.stringify(said() ?? null));`;
  const words = ['--input-type=module', '--eval', program];
  const { stdout, stderr } = spawnSync(process.execPath, words, { cwd: root, encoding: 'utf8' });
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('wasm/openssl.lock', () => {
  it('names a release for each series, first the one that is packed', () => {
    expect(evaluate('openssl-release', 'setup.readLock()')).toMatchObject({ series: '3.5' });
    expect(evaluate('openssl-release', `setup.readLock('2.9')`)).toMatch(/names no release of OpenSSL 2\.9/);
  });
});

const hasGnuPG = spawnSync('gpg', ['--version']).status === 0 && spawnSync('gpgv', ['--version']).status === 0;

unless(!hasGnuPG && 'no GnuPG', describe)('a release’s signature', () => {
  const gpg = (...words: string[]): Buffer =>
    execFileSync('gpg', ['--homedir', folder, '--batch', '--quiet', ...words]);
  const signer = (name: string, signature: string, keys: string): unknown =>
    evaluate(
      'openssl-signature',
      `setup.signerOf(${[name, signature, keys].map((text) => JSON.stringify(file(text)))})`,
    );

  it('is of no use by another’s key, or of another file, and tells nothing where its key is not there', () => {
    for (const name of ['one', 'two']) {
      gpg('--passphrase', '', '--quick-generate-key', `${name}@example.org`, 'ed25519', 'sign', 'never');
      writeFileSync(file(`${name}.asc`), gpg('--armor', '--export', `${name}@example.org`));
    }
    writeFileSync(file('release'), 'source');
    writeFileSync(file('other'), 'changed');
    gpg('--local-user', 'one@example.org', '--armor', '--output', file('signature'), '--detach-sign', file('release'));
    expect(signer('release', 'signature', 'one.asc')).toMatch(/was signed by [0-9A-F]{40}/);
    expect(signer('other', 'signature', 'one.asc')).toMatch(/does not fit its signature/);
    expect(signer('release', 'signature', 'two.asc')).toBeNull();
    expect(signer('release', 'none', 'one.asc')).toBeNull();
  });
});
