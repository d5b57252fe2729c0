// npm run openssl:update VERSION [PATH]: puts another release of OpenSSL into wasm/openssl.lock, builds it and runs everything that CI runs.
// It comes from any of Debian's suites, or from PATH (or OPENSSL_TARBALL). A release of another series gets a line of its own there, and is
// fetched: what is packed stays as it is.
import { loudly } from '../command.mjs';
import { fetchRelease, findRelease, readLock, seriesOf, writeLock } from '../openssl-release.mjs';
import { at } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';

export const opensslUpdate = {
  steps: () => [],
  async run([version, path]) {
    if (!/^[3-9]\.\d+\.\d+$/.test(version ?? '')) {
      throw new SetupError('Which release?', 'npm run openssl:update SERIES.NUMBER [PATH], for example 3.5.9');
    }
    const { series, version: before } = readLock();
    const release = await findRelease(version, path);
    // First, so that a release which cannot be had changes nothing.
    await fetchRelease(release, path);
    writeLock(release);
    console.log(`sha256 ${release.sha256}, ${release.told}`);
    if (seriesOf(version) !== series) {
      console.log(`wasm/openssl.lock names OpenSSL ${version} beside ${before}, of which the module stays`);
      return 0;
    }
    console.log(`OpenSSL ${before} is replaced by ${version}`);
    // A process of its own: every step looks at the new lock.
    return await loudly(process.execPath, [at('setup/run.mjs'), 'ci']);
  },
};
