// What of the jobs, and of what they need, the words of `npm test -- WORD…` ask for.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { at } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { filesUnder } from '../stamp.mjs';
import { dist } from '../steps/dist.mjs';
import { native } from '../steps/native.mjs';
import { ech, wasm } from '../steps/wasm.mjs';

// All jobs without words. With words, those that have a matching test of their own: what runs the same tests once more elsewhere (`repeats`) is left to
// a run of everything, or to a word that names the job.
export function selectedJobs(jobs, words) {
  if (words.length === 0) return jobs;
  const named = jobs.filter(({ name }) => words.includes(name));
  if (named.length > 0) return named;
  const files = matchingTests(words);
  const chosen = jobs.filter(({ repeats, tests }) => !repeats && tests && files.some(tests));
  if (chosen.length > 0) return chosen;
  throw new SetupError(
    `no test has a path that contains ${words.map((word) => `'${word}'`).join(' or ')}`,
    `The jobs are ${jobs.map(({ name }) => `'${name}'`).join(', ')}.`,
  );
}

// The words that are left for Vitest: not the names of jobs.
export function pathWords(jobs, words) {
  return words.filter((word) => !jobs.some(({ name }) => name === word));
}

// The steps of the package itself: all of them, unless the tests that words ask for import nothing that needs them.
export function packageSteps(jobs, words) {
  const all = [wasm, ech, native, dist];
  const chosen = selectedJobs(jobs, words);
  if (words.length === 0 || pathWords(jobs, words).length === 0) return all;
  if (chosen.some(({ project }) => project !== 'unit')) return all;
  const texts = [...closure(matchingTests(words))].map((file) => readFileSync(at(file), 'utf8'));
  const needs = (pattern) => texts.some((text) => pattern.test(text));
  return [
    ...(needs(/ktls\.wasm/) ? [wasm] : []),
    ...(needs(/ktls-ech\.wasm/) ? [ech] : []),
    ...(needs(/prebuilds|ktls\.node/) ? [native] : []),
    ...(needs(/\bdist\//) ? [dist] : []),
  ];
}

function matchingTests(words) {
  return filesUnder('test').filter((path) => path.endsWith('.test.ts') && words.some((word) => path.includes(word)));
}

// Files, and what they import of the project, directly or not.
function closure(files) {
  const seen = new Set();
  const waiting = [...files];
  for (let file = waiting.pop(); file; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const text = readFileSync(at(file), 'utf8');
    for (const [, specifier] of text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)) {
      const target = normalize(join(dirname(file), specifier));
      if (existsSync(at(target))) waiting.push(target);
    }
  }
  return seen;
}
