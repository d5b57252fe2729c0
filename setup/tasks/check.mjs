// npm run check: everything that can be said about the code without running it.
import { loudly, projectEnvironment } from '../command.mjs';
import { dist } from '../steps/dist.mjs';
import { native } from '../steps/native.mjs';
import { wasm } from '../steps/wasm.mjs';

export const check = {
  // What is packed has to be there: publint and attw look at the package as it would be published.
  steps: () => [wasm, native, dist],
  run: async () => (await runChecks()).failed,
};

// Resolves to what they came to, as a job: { name, passed, failed, skipped, seconds, failures }.
export async function runChecks() {
  const start = performance.now();
  const failed = [];
  for (const [command, ...words] of CHECKS) {
    console.log(`\n$ ${[command, ...words].join(' ')}`);
    if ((await loudly(command, words, { env: projectEnvironment() })) !== 0) failed.push(command);
  }
  console.log(`\n${failed.length === 0 ? 'all checks succeeded' : `failed: ${failed.join(', ')}`}`);
  const passed = CHECKS.length - failed.length;
  const failures = failed.map((command) => `${command}: see above`);
  return {
    name: 'check',
    passed,
    failed: failed.length,
    skipped: 0,
    seconds: (performance.now() - start) / 1000,
    failures,
  };
}

const CHECKS = [
  ['tsc', '-p', 'tsconfig.json', '--noEmit'],
  ['tsc', '-p', 'tsconfig.test.json'],
  ['biome', 'ci', '--error-on-warnings', `--colors=${process.stdout.isTTY ? 'force' : 'off'}`],
  ['knip'],
  ['node', 'setup/api-report.mjs'],
  ['node', 'setup/vex.mjs'],
  ['publint'],
  ['attw', '--pack', '--profile', 'esm-only'],
];
