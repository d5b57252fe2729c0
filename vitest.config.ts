import { defineConfig } from 'vitest/config';

const withPeers = ['test/interop/**/*.test.ts', 'test/applications/**/*.test.ts'];
const needingMore = ['test/kernel/**', 'test/interop/**', 'test/applications/**'];

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: needingMore, testTimeout: 30_000 } },
      // Against other people's TLS programs, which `node setup/run.mjs peers` installs.
      { test: { name: 'interop', include: withPeers, testTimeout: 30_000, hookTimeout: 30_000 } },
      // Only inside a guest kernel (setup/guest.mjs): one CPU, slow cryptography.
      { test: { name: 'kernel', include: ['test/kernel/**/*.test.ts'], testTimeout: 60_000, maxWorkers: 1 } },
    ],
  },
});
