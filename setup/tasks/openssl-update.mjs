// npm run openssl:update 3.5.x: puts another release of OpenSSL into wasm/openssl.lock, builds it and runs everything that CI runs.
import { writeFileSync } from 'node:fs';
import { loudly } from '../command.mjs';
import { at } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { checksumOf, fetchRelease, readLock } from '../steps/openssl.mjs';

export const opensslUpdate = {
  steps: () => [],
  async run([version]) {
    if (!/^3\.5\.\d+$/.test(version ?? '')) {
      throw new SetupError('Which release?', 'npm run openssl:update 3.5.NUMBER');
    }
    const { version: before } = readLock();
    const sha256 = await checksumOf(version);
    // First, so that a release which cannot be had changes nothing.
    await fetchRelease({ version, sha256 });
    writeFileSync(at('wasm/openssl.lock'), `version=${version}\nsha256=${sha256}\n`);
    console.log(`OpenSSL ${before} is replaced by ${version}, sha256 ${sha256}`);
    // A process of its own: every step looks at the new lock.
    return await loudly(process.execPath, [at('setup/run.mjs'), 'ci']);
  },
};
