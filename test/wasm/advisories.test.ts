import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = new URL('../..', import.meta.url);

/** What setup/vex.mjs finds wrong when a text is another in one of the files. */
function faults(path: string, from: string, to: string): string[] {
  const program = `
    import { faultsOf, readFiles } from './setup/vex.mjs';
    const files = readFiles();
    const [path, from, to] = process.argv.slice(1);
    if (!files[path].includes(from)) throw new Error('not there: ' + from);
    console.log(JSON.stringify(faultsOf({ ...files, [path]: files[path].replaceAll(from, to) })));`;
  const words = ['--input-type=module', '--eval', program, '--', path, from, to];
  const { stdout, stderr } = spawnSync(process.execPath, words, { cwd: fileURLToPath(root), encoding: 'utf8' });
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('what is said of OpenSSL’s advisories', () => {
  it('is true as it is', () => {
    expect(faults('package.json', 'ktls', 'ktls')).toEqual([]);
  });

  it.each([
    ['wasm/build-openssl.sh', 'no-quic', '', 'CVE-2026-18798: OpenSSL is not configured with no-quic'],
    ['configuration', '"sm2" => "', '"sm9" => "', 'CVE-2026-77696: the build was not made with no-sm2'],
    ['wasm/build-openssl.sh', 'CVE-2026-35189', 'CVE', 'CVE-2026-35189: wasm/build-openssl.sh has no change for it'],
    ['sources', '#include', 'EVP_Cipher();\n#include', 'CVE-2026-75803: wasm/ calls EVP_Cipher'],
    [
      'openssl.openvex.json',
      'vulnerable_code_not_present',
      'surely',
      '/statements/0/justification must be equal to one',
    ],
    ['openssl.openvex.json', '(no-cms)', '', 'CVE-2026-63072: names no option that leaves it out'],
    ['openssl', '.', '.9.', 'CVE-2026-14456: is not about'],
  ])('would be found out to be wrong: %s, %s', (path, from, to, fault) => {
    expect(faults(path, from, to).join('\n')).toContain(fault);
  });
});
