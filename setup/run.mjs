// node setup/run.mjs start|test|check|ci|bench|bench:kernel [-- ARGUMENT…]: sets up what is missing, then does it.
// node setup/run.mjs STEP…: only sets up these steps and what they need.
import { carryOut, explain } from './progress.mjs';
import { dist } from './steps/dist.mjs';
import { emulator } from './steps/emulator.mjs';
import { guests } from './steps/guests.mjs';
import { native, nativeArm64 } from './steps/native.mjs';
import { opensslLibraries } from './steps/openssl.mjs';
import { packages } from './steps/packages.mjs';
import { peers } from './steps/peers.mjs';
import { runtimes } from './steps/runtimes.mjs';
import { tools } from './steps/tools.mjs';
import { wasm } from './steps/wasm.mjs';
import { bench } from './tasks/bench.mjs';
import { benchKernel } from './tasks/bench-kernel.mjs';
import { check } from './tasks/check.mjs';
import { ci } from './tasks/ci.mjs';
import { start } from './tasks/start.mjs';
import { test } from './tasks/test.mjs';

const TASKS = { start, test, check, ci, bench, 'bench:kernel': benchKernel };
const STEPS = [packages, tools, opensslLibraries, wasm, native, nativeArm64, dist, guests, emulator, peers, runtimes];

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
      'usage: node setup/run.mjs start|test|check|ci|bench|bench:kernel [-- ARGUMENT…]\n       node setup/run.mjs STEP…',
    );
    console.error(`steps: ${STEPS.map((step) => step.name).join(' ')}`);
    process.exitCode = 2;
    return;
  }
  await carryOut(steps);
}

await main(process.argv.slice(2)).catch(explain);
