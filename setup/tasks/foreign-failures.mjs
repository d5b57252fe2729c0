// Wine, emulators, guest kernels and other people's servers have races of their own. What fails there is run again, once and alone; what passes then is
// counted as passed, and named in the summary all the same. What runs on Node.js alone gets no second run.
import { fileOf, runVitest } from './vitest.mjs';

export async function runForeignAgain(job, result, report) {
  const files = [...new Set(result.failures.map(fileOf))];
  if (files.length === 0 || files.length > mostFiles || files.includes(undefined)) return result;
  console.log(`\n${job.name}: ${files.join(' ')} again`);
  const again = await runVitest(job, report, files);
  const left = new Set(again.failures.map(titleOf));
  const failedOnce = result.failures.filter((failure) => !left.has(titleOf(failure)));
  return {
    ...result,
    passed: result.passed + result.failed - again.failed,
    failed: again.failed,
    seconds: result.seconds + again.seconds,
    failures: again.failures,
    failedOnce,
  };
}

function titleOf(failure) {
  return failure.split('\n', 1)[0];
}

// More are no race.
const mostFiles = 3;
