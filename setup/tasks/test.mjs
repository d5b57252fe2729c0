// npm test [-- WORD…]: all jobs, unit and interop tests on this machine's kernel, kernel tests under guest kernels. With words, the tests whose paths
// contain one, and only what these need is set up; or the jobs of these names.
// Where what a job needs cannot be had, it is left out, visibly.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../paths.mjs';
import { runForeignAgain } from './foreign-failures.mjs';
import { JOBS, WINDOWS_JOBS } from './jobs.mjs';
import { kernelMatrix } from './kernel-matrix.mjs';
import { packageSteps, pathWords, selectedJobs } from './selection.mjs';
import { printSummary } from './summary.mjs';
import { runVitest } from './vitest.mjs';

export const test = taskOf(JOBS);

export const testWindows = taskOf(WINDOWS_JOBS);

function taskOf(jobs) {
  return {
    steps: (words = []) => [
      ...packageSteps(jobs, words),
      ...selectedJobs(jobs, words).flatMap(stepsOf).filter(isAvailable),
    ],
    async run(words) {
      const results = await runJobs(jobs, words);
      const failed = printSummary(results);
      const isAsked = words.length > 0 && results.length > 0;
      if (failed > 0 || !isAsked || results.some(hasRun)) return failed > 0 ? 1 : 0;
      console.log('none of the tests of these jobs is what was asked for');
      return 1;
    },
  };
}

// Resolves to what each job came to: { name, passed, failed, skipped, seconds }.
export async function runJobs(jobs, words) {
  const folder = mkdtempSync(build('results-'));
  const reportOf = ({ name }) => join(folder, `${name}.json`);
  const results = [];
  for (const job of selectedJobs(jobs, words)) {
    console.log(`\n${job.name}`);
    const missing = stepsOf(job).find((step) => !isAvailable(step));
    if (missing) console.log(`left out: no ${missing.title} for this machine`);
    else results.push({ name: job.name, ...(await runJob(job, reportOf(job), pathWords(jobs, words))) });
  }
  const guestJobs = jobs.filter(({ kernel }) => kernel);
  const matrix = kernelMatrix(guestJobs.map((job) => ({ kernel: job.kernel, report: reportOf(job) })));
  if (matrix) console.log(`\n${matrix}`);
  rmSync(folder, { recursive: true });
  return results;
}

async function runJob(job, report, words) {
  if (job.run) return job.run(words);
  const result = await runVitest(job, report, words);
  return job.isForeign ? runForeignAgain(job, result, `${report}-again.json`) : result;
}

function hasRun({ passed, failed, skipped }) {
  return passed + failed + skipped > 0;
}

function stepsOf(job) {
  return job.steps ?? [];
}

function isAvailable(step) {
  return step.isAvailable ?? true;
}
