// One run of Vitest, counted.
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, relative } from 'node:path';
import { loudly, projectEnvironment } from '../command.mjs';
import { at, projectNode } from '../paths.mjs';
import { runtimePath } from '../steps/runtimes.mjs';
import { sanitizedEnvironment } from '../steps/sanitized.mjs';

// Runs a job's tests whose paths contain a word of `words`, all without any. Resolves to { passed, failed, skipped, seconds, failures, … }, `failures`
// being what went wrong, a text each; `report` is the file that Vitest's own goes to.
export async function runVitest(job, report, words) {
  const start = performance.now();
  const [command, ...rest] = commandOf(job, report, words);
  const status = await loudly(command, rest, { env: environmentOf(job) });
  return { ...countsIn(report, status), seconds: (performance.now() - start) / 1000 };
}

function commandOf({ project, kernel, windows, arm64, runtime = windows ?? arm64 }, report, words) {
  const node = runtime ? at(runtimePath(runtime)) : projectNode();
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const vitest = [at('node_modules/vitest/vitest.mjs'), 'run', '--passWithNoTests', '--project', project];
  const command = [node, ...vitest, ...reporters, ...words];
  if (kernel) return [process.execPath, at('setup/guest.mjs'), '-k', kernel, '--', ...command];
  if (windows) return [process.execPath, at('setup/wine.mjs'), ...command];
  if (arm64) return [process.execPath, at('setup/arm64.mjs'), ...command];
  return command;
}

function environmentOf({ runtime, windows, isSanitized }) {
  const env = projectEnvironment(isSanitized ? sanitizedEnvironment() : {});
  // For the programs that tests start.
  const translated = at('test/helpers/dist-for-src.cjs');
  // They begin in folders of other drives.
  if (windows) env.WINE_NODE_OPTIONS = `--require=Z:${translated}`;
  if (!runtime) return env;
  env.PATH = [dirname(at(runtimePath(runtime))), env.PATH].join(delimiter);
  env.NODE_OPTIONS = `--require=${translated}`;
  return env;
}

// A file that could not be loaded has no tests to count, nor has a run that broke down: each is one failure.
function countsIn(report, status) {
  if (!existsSync(report))
    return { passed: 0, failed: 1, skipped: 0, failures: ['the run broke down'], passedTitles: [] };
  const { numPassedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const failures = testResults.flatMap(failuresIn);
  if (failures.length === 0 && status !== 0) failures.push('an error outside of the tests: see above');
  const reasons = reasonsIn(testResults);
  return {
    passed: numPassedTests,
    failed: failures.length,
    skipped: numPendingTests + numTodoTests,
    failures,
    reasons,
    passedTitles: testResults.flatMap(passedIn),
  };
}

// Why tests were skipped, each with how many. test/helpers/unless.ts puts it into their titles.
function reasonsIn(files) {
  const counts = {};
  for (const { assertionResults } of files) {
    for (const { status, fullName } of assertionResults) {
      if (status === 'passed' || status === 'failed') continue;
      const reason = /\[skipped: ([^\]]*)\]/.exec(fullName)?.[1] ?? 'no reason told';
      counts[reason] = (counts[reason] ?? 0) + 1;
    }
  }
  return counts;
}

// What a failure is of: its file, and the test's name. Its text begins with that.
export function titleOf(failure) {
  return failure.split('\n', 1)[0];
}

function passedIn({ name, assertionResults }) {
  const passed = assertionResults.filter(({ status }) => status === 'passed');
  return passed.map(({ fullName }) => titleOf(`${relative(at('.'), name)}: ${fullName}`));
}

// The file of a failure, whose text begins with it; undefined where the run itself failed.
export function fileOf(failure) {
  return /^(test\/\S+\.test\.ts):/.exec(failure)?.[1];
}

function failuresIn({ name, status, message, assertionResults }) {
  const file = relative(at('.'), name);
  const tests = assertionResults.filter((test) => test.status === 'failed');
  if (tests.length === 0 && status === 'failed') return [`${file}: ${message}`];
  return tests.map(({ fullName, failureMessages }) => `${file}: ${fullName}\n${failureMessages.join('\n')}`);
}
