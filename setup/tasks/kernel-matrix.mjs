// The table at the end of npm test: what of test/kernel/matrix.test.ts passed, by guest kernel.
import { existsSync, readFileSync } from 'node:fs';

// `runs`: each guest kernel's name and the JSON report of its tests. Undefined where none of them ran.
export function kernelMatrix(runs) {
  const rows = new Map();
  for (const { kernel, report } of runs) {
    for (const { cell, peer, status, milliseconds } of cellsOf(report)) {
      const row = rows.get(`${cell}|${peer}`) ?? { cell, peer, results: {} };
      row.results[kernel] = status === 'passed' ? `pass ${(milliseconds / 1000).toFixed(1)} s` : status;
      rows.set(`${cell}|${peer}`, row);
    }
  }
  if (rows.size === 0) return undefined;
  const kernels = runs.map(({ kernel }) => kernel);
  const lines = [
    ['kernel TLS in both directions', 'our side, peer', ...kernels.map((kernel) => `Linux ${kernel}`)],
    ...[...rows.values()].map(({ cell, peer, results }) => [
      cell,
      peer,
      ...kernels.map((kernel) => results[kernel] ?? '-'),
    ]),
  ];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cellsOf(report) {
  if (!existsSync(report)) return [];
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const file = testResults.find(({ name }) => name.endsWith('test/kernel/matrix.test.ts'));
  return (file?.assertionResults ?? []).map(({ ancestorTitles, title, status, duration }) => ({
    cell: ancestorTitles.at(-1),
    peer: title,
    status,
    milliseconds: duration ?? 0,
  }));
}
