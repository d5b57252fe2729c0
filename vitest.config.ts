import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vitest/config';

const withPeers = ['test/interop/**/*.test.ts', 'test/applications/**/*.test.ts'];
const needingMore = [
  ...['test/windows/**', 'test/kernel/**', 'test/package/**', 'test/sanitized/**'],
  ...['test/interop/**', 'test/applications/**', 'test/fleet/**'],
];

// What the addon does, and nothing that does without it.
const ofTheAddon = ['test/platform/**/*.test.ts', 'test/contract/native-addon.test.ts', 'test/sanitized/**/*.test.ts'];

// What of the unit tests is run on Windows: all of what applications use, and the addon's own. Not cli/, as starting a program takes a second there. What
// Windows does not have, tests skip by themselves: the kernel's TLS, OpenSSL's command, Unix sockets, rights of files.
const portable = [
  'test/{record,contract,connection,engine,socket,adapters,keys,tap,pcap,key-schedule,dissect,decrypt}/**/*.test.ts',
];

// The package as npm installs it: `node setup/run.mjs installed`.
const installed = fileURLToPath(new URL('build/installed/node_modules/ktls/dist/', import.meta.url));
const installedPackage = [
  { find: /^ktls$/, replacement: `${installed}index.js` },
  { find: /^ktls\/(\w+)$/, replacement: `${installed}$1.js` },
];

// What depends on OpenSSL's own words and rules, run on the series that ktls-ech has. Programs of their own, as those of cli/, stay on the other.
const ofOpenSSL = ['test/{engine,contract,connection,socket,record}/**/*.test.ts'];
// What depends on where handshakes are run.
const ofThreads = ['test/{threads,connection,socket,adapters,files,tickets,credentials,observe,metrics}/**/*.test.ts'];
const ofOpenSSLWithPeers = ['test/interop/{our-client,our-server,wasm-layer,stacks}.test.ts'];
const withOpenSSL4: Plugin = {
  name: 'OpenSSL 4.0 for all connections',
  enforce: 'pre',
  transform: (code, id) =>
    /\/(?:test\/engine\/engine-pair|src\/platform\/openssl\/engine-host)\.ts$/.test(id)
      ? code.replaceAll('wasm/ktls.wasm', 'ech/ktls-ech.wasm')
      : undefined,
};

// Under Wine: `npm run test:windows`.
const windows = {
  name: 'windows',
  include: ['test/windows/**/*.test.ts'],
  testTimeout: 120_000,
  alias: installedPackage,
};
const windowsUnit = { name: 'windows unit', testTimeout: 60_000, maxWorkers: 2 };
const noAddons = ['--no-addons'];

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: needingMore, testTimeout: 30_000 } },
      { plugins: [withOpenSSL4], test: { name: 'OpenSSL 4.0', include: ofOpenSSL, testTimeout: 30_000 } },
      {
        plugins: [withOpenSSL4],
        test: { name: 'OpenSSL 4.0, interop', include: ofOpenSSLWithPeers, testTimeout: 30_000, hookTimeout: 30_000 },
      },
      // Handshakes in another thread, of all connections that say nothing else.
      {
        test: {
          name: 'threads',
          include: ofThreads,
          // What it tells of the instance of OpenSSL that the main thread has.
          exclude: ['test/socket/lost-instance.test.ts'],
          setupFiles: ['test/helpers/handshake-threads.ts'],
          testTimeout: 30_000,
        },
      },
      // With the addon that `node setup/run.mjs sanitized` builds.
      { test: { name: 'sanitized', include: ofTheAddon, testTimeout: 60_000, maxWorkers: 2 } },
      // The package as npm would install it, on other runtimes too: `node setup/run.mjs native-arm64 dist runtimes`.
      { test: { name: 'package', include: ['test/package/**/*.test.ts'], testTimeout: 120_000, maxWorkers: 1 } },
      // The addon for arm64, in an emulator that starts no other programs.
      {
        test: { name: 'arm64', include: ['test/contract/native-addon.test.ts'], testTimeout: 300_000, pool: 'threads' },
      },
      { test: windows },
      { test: { ...windows, name: 'windows, no addon', execArgv: noAddons } },
      { test: { ...windowsUnit, include: [...portable, 'test/platform/**/*.test.ts'] } },
      { test: { ...windowsUnit, name: 'windows unit, no addon', include: portable, execArgv: noAddons } },
      // Against other people's TLS programs, which `node setup/run.mjs peers` installs.
      { test: { name: 'interop', include: withPeers, testTimeout: 30_000, hookTimeout: 30_000 } },
      // Several processes behind a proxy, for a minute.
      { test: { name: 'fleet', include: ['test/fleet/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 30_000 } },
      // Only inside a guest kernel (setup/guest.mjs): one CPU, slow cryptography.
      { test: { name: 'kernel', include: ['test/kernel/**/*.test.ts'], testTimeout: 60_000, maxWorkers: 1 } },
      {
        test: {
          name: 'kernel, threads',
          include: ['test/kernel/**/*.test.ts'],
          setupFiles: ['test/helpers/handshake-threads.ts'],
          testTimeout: 60_000,
          maxWorkers: 1,
        },
      },
    ],
  },
});
