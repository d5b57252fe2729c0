// npm test [-- FILTER…]: unit and interop tests on this machine's kernel, kernel tests under guest kernels.
// Where guests or peers cannot be had, their tests are left out, visibly.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { loudly, projectEnvironment } from '../command.mjs';
import { at, build, projectNode } from '../paths.mjs';
import { dist } from '../steps/dist.mjs';
import { guests } from '../steps/guests.mjs';
import { native } from '../steps/native.mjs';
import { peers } from '../steps/peers.mjs';
import { wasm } from '../steps/wasm.mjs';
import { kernelMatrix } from './kernel-matrix.mjs';

export const test = {
  steps: () => [wasm, native, dist, ...[guests, peers].filter((step) => step.isAvailable)],
  async run(words) {
    const folder = mkdtempSync(build('results-'));
    const counts = [];
    for (const { name, projects, kernel, step } of RUNS) {
      console.log(`\n${name}`);
      if (step && !step.isAvailable) {
        console.log(`left out: no ${step.title} for this machine`);
        continue;
      }
      const results = join(folder, `${name}.json`);
      const vitest = vitestCommand(projects, results, words);
      const command = kernel ? [process.execPath, at('setup/guest.mjs'), '-k', kernel, '--', ...vitest] : vitest;
      const status = await loudly(command[0], command.slice(1), { env: projectEnvironment() });
      counts.push(countsIn(results, status));
    }
    const matrix = kernelMatrix(
      guestRuns.map(({ name, kernel }) => ({ kernel, report: join(folder, `${name}.json`) })),
    );
    if (matrix) console.log(`\n${matrix}`);
    rmSync(folder, { recursive: true });
    const sum = (name) => counts.reduce((total, count) => total + count[name], 0);
    console.log(`\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`);
    return sum('failed') > 0 ? 1 : 0;
  },
};

const RUNS = [
  { name: 'unit', projects: ['unit'] },
  { name: 'interop', projects: ['interop'], step: peers },
  { name: 'kernel 6.1', projects: ['kernel'], kernel: '6.1', step: guests },
  { name: 'kernel 6.12', projects: ['kernel'], kernel: '6.12', step: guests },
  { name: 'kernel 7', projects: ['kernel'], kernel: '7', step: guests },
];
const guestRuns = RUNS.filter(({ kernel }) => kernel);

function vitestCommand(projects, results, words) {
  const chosen = projects.flatMap((project) => ['--project', project]);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
  const vitest = at('node_modules/vitest/vitest.mjs');
  return [projectNode(), vitest, 'run', '--passWithNoTests', ...chosen, ...reporters, ...words];
}

// A file that could not be loaded has no tests to count, nor has a run that broke down: each is one failure.
function countsIn(results, status) {
  if (!existsSync(results)) return { passed: 0, failed: 1, skipped: 0 };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(results, 'utf8'),
  );
  const broken = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  const failed = numFailedTests + broken;
  return {
    passed: numPassedTests,
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: numPendingTests + numTodoTests,
  };
}
