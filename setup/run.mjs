// node setup/run.mjs TASK [-- ARGUMENT…]: sets up what is missing, then does it; the usage below has the tasks.
// node setup/run.mjs STEP…: only sets up these steps and what they need.
import { carryOut, explain } from './progress.mjs';
import { dist } from './steps/dist.mjs';
import { echPeers } from './steps/ech-peers.mjs';
import { emulator } from './steps/emulator.mjs';
import { arm64Packages, windowsPackages } from './steps/foreign-packages.mjs';
import { guests } from './steps/guests.mjs';
import { installed } from './steps/installed.mjs';
import { native, nativeArm64, nativeWindows } from './steps/native.mjs';
import { opensslLibraries } from './steps/openssl.mjs';
import { packages } from './steps/packages.mjs';
import { peers } from './steps/peers.mjs';
import { runtimes } from './steps/runtimes.mjs';
import { fuzzers, sanitized } from './steps/sanitized.mjs';
import { stacks } from './steps/stacks.mjs';
import { tools } from './steps/tools.mjs';
import { ech, wasm } from './steps/wasm.mjs';
import { wine } from './steps/wine.mjs';
import { bench } from './tasks/bench.mjs';
import { benchKernel } from './tasks/bench-kernel.mjs';
import { benchWindows } from './tasks/bench-windows.mjs';
import { check } from './tasks/check.mjs';
import { ci } from './tasks/ci.mjs';
import { fuzz } from './tasks/fuzz.mjs';
import { opensslUpdate } from './tasks/openssl-update.mjs';
import { releaseDry } from './tasks/release-dry.mjs';
import { soak } from './tasks/soak.mjs';
import { start } from './tasks/start.mjs';
import { suites } from './tasks/suites.mjs';
import { test, testWindows } from './tasks/test.mjs';
import { watch } from './tasks/watch.mjs';

const TASKS = {
  ...{ start, test, watch, 'release:dry': releaseDry, 'test:windows': testWindows, check, ci },
  ...{
    bench,
    fuzz,
    soak,
    suites,
    'bench:kernel': benchKernel,
    'bench:windows': benchWindows,
    'openssl:update': opensslUpdate,
  },
};
const STEPS = [
  ...[packages, tools, opensslLibraries, wasm, ech, native, nativeArm64, nativeWindows, dist, installed],
  ...[guests, emulator, peers, echPeers, stacks, runtimes, wine, windowsPackages, arm64Packages, fuzzers, sanitized],
];

async function main([name, ...words]) {
  if (name in TASKS) {
    const forwarded = words[0] === '--' ? words.slice(1) : words;
    await carryOut([packages, ...TASKS[name].steps(forwarded)]);
    process.exitCode = await TASKS[name].run(forwarded);
    return;
  }
  const steps = [name, ...words].map((word) => STEPS.find((step) => step.name === word));
  if (steps.includes(undefined)) {
    console.error(
      `usage: node setup/run.mjs ${Object.keys(TASKS).join('|')} [-- ARGUMENT…]\n       node setup/run.mjs STEP…`,
    );
    console.error(`steps: ${STEPS.map((step) => step.name).join(' ')}`);
    process.exitCode = 2;
    return;
  }
  await carryOut(steps);
}

await main(process.argv.slice(2)).catch(explain);
