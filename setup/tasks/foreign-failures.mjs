// Wine, emulators, guest kernels and other people's servers have races of their own. What fails there is run again, once and alone; what passes then is
// counted as passed, and named in the summary all the same. What runs on Node.js alone gets no second run.
import { fileOf, runVitest, titleOf } from './vitest.mjs';

export async function runForeignAgain(job, result, report) {
  const files = [...new Set(result.failures.map(fileOf))];
  if (files.length === 0 || files.length > mostFiles || files.includes(undefined)) return result;
  console.log(`\n${job.name}: ${files.join(' ')} again`);
  return joined(result, await runVitest(job, report, files));
}

// Both runs as one: only what the second has seen pass has passed, and what failed only there has failed.
export function joined(first, again) {
  const passed = new Set(again.passedTitles);
  const failedOnce = first.failures.filter((failure) => passed.has(titleOf(failure)));
  const still = first.failures.filter((failure) => !failedOnce.includes(failure));
  const known = new Set(still.map(titleOf));
  const failures = [...still, ...again.failures.filter((failure) => !known.has(titleOf(failure)))];
  return {
    ...first,
    passed: first.passed + first.failed - failures.length,
    failed: failures.length,
    seconds: first.seconds + again.seconds,
    failures,
    failedOnce,
  };
}

// More are no race.
const mostFiles = 3;
