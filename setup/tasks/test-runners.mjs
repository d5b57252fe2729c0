// How the tests of a package are run, and what is said of each: whichever of four runners the package has.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// Words for node, and what turns its standard output into lines that begin with ok or not ok. `folder`: the package's, with its dependencies.
export function testRunner(folder) {
  const { scripts = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const script = Object.entries(scripts).flatMap(([name, words]) => (name.startsWith('test') ? [words] : []));
  const uses = (program) => script.map((words) => wordsOf(words, program)).find((words) => words !== undefined);
  const [mocha, jest, uvu] = ['mocha', 'jest', 'uvu'].map(uses);
  if (mocha) return { words: [binary(folder, 'mocha'), ...mocha, '--reporter', 'tap'], linesOf: tapLines };
  if (jest) return { words: [binary(folder, 'jest'), ...jest, ...jestWords], linesOf: jestLines, imports: domain };
  if (uvu) return { words: [binary(folder, 'uvu'), ...uvu], linesOf: uvuLines };
  return { words: ['--test', '--test-reporter', 'tap'], linesOf: tapLines };
}

// In one process, as the others; the machine's own cache stays out of it.
const jestWords = ['--runInBand', '--forceExit', '--json', '--coverage=false', '--no-cache'];

// It loads node:domain, which puts an emit() of its own in the place of that of all events; ktls takes that for somebody who watches them, unless it was
// there before.
const domain = ['--require', 'node:domain'];

// What a script gives a program, but for how it tells and when it stops. Undefined: the script does not call it.
function wordsOf(script, program) {
  const call = script.split('&&').map((part) => part.trim().split(/\s+/));
  const words = call.find(([first]) => first === program);
  return words?.slice(1).filter((word, at, all) => !isOmitted(word) && all[at - 1] !== '--reporter');
}

function isOmitted(word) {
  return ['--reporter', '--bail', '--detectOpenHandles', '--forceExit'].includes(word);
}

function binary(folder, name) {
  const path = join(folder, 'node_modules', name);
  const { bin } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
  return join(path, typeof bin === 'string' ? bin : bin[name]);
}

function tapLines(text) {
  const lines = text.split('\n').map((line) => /^\s*((?:not )?ok) \d+ -? ?(.*?)(?: # .*)?$/.exec(line));
  return lines.flatMap((match) => (match ? [`${match[1]} ${match[2]}`] : []));
}

function jestLines(text) {
  const json = text.split('\n').find((line) => line.startsWith('{"num'));
  const results = json ? JSON.parse(json).testResults : [];
  return results.flatMap(({ assertionResults }) =>
    assertionResults.map(({ status, fullName }) => `${status === 'passed' ? 'ok' : 'not ok'} ${fullName}`),
  );
}

// It names suites, with how many of their tests have passed, and those that have not.
function uvuLines(text) {
  const plain = text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '');
  const passed = [...plain.matchAll(/^ *(.*?) +[• ✘]+ +\((\d+) \/ \d+\)$/gm)];
  const failed = [...plain.matchAll(/^ *FAIL +(.*)$/gm)];
  return [
    ...passed.flatMap(([, suite, count]) => Array.from({ length: Number(count) }, () => `ok ${suite}`)),
    ...failed.map(([, name]) => `not ok ${name}`),
  ];
}
