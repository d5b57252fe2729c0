// npm run bench [-- [--json] [--chart] [--markdown] [--scale SHARE] [PART…]]: this library beside node:tls and plain TCP.
import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Report } from '../../src/cli/report.ts';
import { chart } from './chart.ts';
import { updateDocument } from './document.ts';
import type { Effort, Listener, Row } from './measure.ts';
import { parts } from './parts.ts';
import { type Results, readResults, saveResults, thisMachine } from './results.ts';
import { columns, lines } from './tables.ts';

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      chart: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      scale: { type: 'string', default: '1' },
      child: { type: 'string' },
    },
  });
  const effort = effortOf(Number(values.scale));
  if (values.child) {
    await parts[values.child]?.run(parent, effort);
    process.exit();
  }
  const chosen = positionals.length > 0 ? positionals : Object.keys(parts).filter((name) => !parts[name]?.long);
  const unknown = chosen.filter((name) => !parts[name] && name !== nothing);
  if (unknown.length > 0)
    throw new TypeError(`no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  const rows: Record<string, Row[]> = {};
  const report = new Report(values.json ? process.stderr : process.stdout);
  for (const name of chosen) if (name !== nothing) rows[name] = await runPart(name, effort, report);
  // Small amounts are for trying, and figures of another system are none of this machine's: they say nothing that should be kept.
  const measured: Results = { machine: { ...thisMachine(), scale: effort.scale }, parts: rows };
  const results =
    effort.rounds < 5 || process.platform === 'win32'
      ? measured
      : Object.keys(rows).length > 0
        ? saveResults(measured)
        : readResults();
  if (values.json) console.log(JSON.stringify(measured, null, 2));
  if (values.chart) writeFileSync(new URL('bench.svg', docs), chart(results));
  if (values.markdown) updateDocument(new URL('benchmarks.md', docs), results);
}

function effortOf(scale: number): Effort {
  if (!(scale > 0 && scale <= 1)) throw new TypeError('--scale takes a share of the work, more than 0 and at most 1');
  return { scale, rounds: scale < 0.1 ? 1 : 5 };
}

const parent: Listener = {
  row: (row) => void process.send?.({ row }),
  progress: (text) => void process.send?.({ progress: text }),
};

async function runPart(name: string, { scale }: Effort, report: Report): Promise<Row[]> {
  const { title = '', flags = [] } = parts[name] ?? {};
  report.heading(name, title);
  const print = report.table(columns);
  const rows: Row[] = [];
  const child = fork(fileURLToPath(import.meta.url), ['--child', name, '--scale', `${scale}`], {
    execArgv: ['--expose-gc', ...flags],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let doing = '';
  child.on('message', ({ row, progress }: { row?: Row; progress?: string }) => {
    doing = progress ?? doing;
    if (!row) return;
    rows.push(row);
    for (const line of lines(row)) print(...line);
  });
  const started = performance.now();
  const ticker = setInterval(
    () => report.progress(() => `${((performance.now() - started) / 1000).toFixed(0)} s  ${doing}`),
    250,
  );
  const code = await new Promise((resolve) => child.once('exit', resolve));
  clearInterval(ticker);
  report.clearProgress();
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
  return rows;
}

/** In place of parts: only write chart and document anew. */
const nothing = 'nothing';
const docs = new URL('../../docs/', import.meta.url);

await main().catch((error: unknown) => {
  console.error(error instanceof TypeError ? error.message : error);
  process.exit(error instanceof TypeError ? 2 : 1);
});
