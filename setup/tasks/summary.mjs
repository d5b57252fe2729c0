// The end of a run: what failed, a table, and the line that counts everything.
import { fileOf } from './vitest.mjs';

// `results`: { name, passed, failed, skipped, seconds, failures, failedOnce } of each job. Answers how many failed.
export function printSummary(results) {
  for (const { name, failedOnce = [] } of results) {
    for (const failure of failedOnce)
      console.log(`\nFAILED ONCE in ${name}, passed when run again: ${shortened(failure)}`);
  }
  for (const { name, failures } of results) {
    for (const failure of failures) {
      console.log(`\nFAILED in ${name}: ${shortened(failure)}`);
      console.log(`    again: ${againOf(name, failure)}`);
    }
  }
  const lines = [
    ['job', 'passed', 'failed', 'skipped', 'time'],
    ...results.map(({ name, passed, failed, skipped, seconds }) => [
      name,
      ...[passed, failed, skipped].map(String),
      duration(Math.round(seconds)),
    ]),
  ];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const pad = (text, column) => (column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column]));
  console.log(`\n${lines.map((line) => line.map(pad).join('  ')).join('\n')}`);
  for (const line of skippedLines(results)) console.log(line);
  const sum = (name) => results.reduce((total, result) => total + result[name], 0);
  const once = results.reduce((total, { failedOnce = [] }) => total + failedOnce.length, 0);
  const ofThose = once > 0 ? ` (${once} when run again)` : '';
  console.log(`\n${sum('passed')} passed${ofThose}, ${sum('failed')} failed, ${sum('skipped')} skipped`);
  return sum('failed');
}

// Each reason why tests were skipped, with how many in which jobs.
function skippedLines(results) {
  const byReason = new Map();
  for (const { name, reasons = {} } of results) {
    for (const [reason, count] of Object.entries(reasons)) {
      byReason.set(reason, [...(byReason.get(reason) ?? []), `${count} in ${name}`]);
    }
  }
  if (byReason.size === 0) return [];
  const lines = [...byReason].map(([reason, counts]) => `  ${reason}: ${counts.join('; ')}`);
  return ['\nskipped, and why', ...lines.sort()];
}

// How to run what failed alone.
function againOf(name, failure) {
  const file = fileOf(failure);
  return ['npm test --', `'${name}'`, ...(file ? [file] : [])].join(' ');
}

function shortened(text) {
  const lines = text.split('\n');
  return lines.slice(0, linesOfFailure).join('\n    ') + (lines.length > linesOfFailure ? '\n    …' : '');
}

function duration(seconds) {
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2)} s`;
}

const linesOfFailure = 12;
