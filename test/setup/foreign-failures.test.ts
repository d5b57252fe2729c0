import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What setup/tasks/foreign-failures.mjs makes of a run and of a second one of what failed in it. */
function joined(first: object, again: object): unknown {
  const program = `
    import { joined } from './setup/tasks/foreign-failures.mjs';
    process.stdout.write(JSON.stringify(joined(${JSON.stringify(first)}, ${JSON.stringify(again)})));`;
  const told = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root });
  return JSON.parse(String(told));
}

const [one, two] = ['test/a.test.ts: one\nbecause', 'test/a.test.ts: two\nbecause'];
const first = { passed: 10, failed: 2, seconds: 5, failures: [one, two] };

test.each([
  ['both pass', { passedTitles: ['test/a.test.ts: one', 'test/a.test.ts: two'] }, [], [one, two]],
  ['one passes', { passedTitles: ['test/a.test.ts: one'], failures: [two] }, [two], [one]],
  ['neither is run', { passedTitles: [] }, [one, two], []],
  ['nothing is run', { passedTitles: [], failures: ['the run broke down'] }, [one, two, 'the run broke down'], []],
  [
    'another fails',
    { passedTitles: ['test/a.test.ts: one', 'test/a.test.ts: two'], failures: ['test/a.test.ts: three\nbecause'] },
    ['test/a.test.ts: three\nbecause'],
    [one, two],
  ],
  [
    'of two of the same name one fails again',
    { passedTitles: ['test/a.test.ts: one', 'test/a.test.ts: two'], failures: [one] },
    [one],
    [one, two],
  ],
])('of what failed, when it is run again, %s', (_what, again, failures, failedOnce) => {
  expect(joined(first, { failures: [], seconds: 1, ...again })).toEqual({
    passed: 12 - failures.length,
    failed: failures.length,
    seconds: 6,
    failures,
    failedOnce,
  });
});
