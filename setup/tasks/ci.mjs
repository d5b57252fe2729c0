// npm run ci: everything that has to succeed before a change lands, in one summary.
import { check, runChecks } from './check.mjs';
import { JOBS } from './jobs.mjs';
import { printSummary } from './summary.mjs';
import { runJobs, test } from './test.mjs';

export const ci = {
  steps: () => [...check.steps(), ...test.steps()],
  async run(words) {
    const results = [await runChecks(), ...(await runJobs(JOBS, words))];
    return printSummary(results) > 0 ? 1 : 0;
  },
};
