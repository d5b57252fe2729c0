// npm run bench:kernel [-- [--json] [--chart] [--markdown] [--scale SHARE]]: instructions with the kernel's TLS, counted on an
// emulated machine (setup/emulator.mjs), where they do not depend on what this machine is doing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Report } from '../../../src/cli/report.ts';
import { issue } from '../../helpers/certificates.ts';
import { chart } from '../chart.ts';
import { updateDocument } from '../document.ts';
import { type Results, saveResults } from '../results.ts';
import { columns, lines } from '../tables.ts';
import type { Count } from './count.ts';
import { countRows } from './rows.ts';
import { useTables } from './use.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      chart: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      scale: { type: 'string', default: '1' },
    },
  });
  const report = new Report(values.json ? process.stderr : process.stdout);
  report.heading('kernel', 'instructions a byte; CPU: of the whole machine, the peer included');
  let counted = 0;
  const onCount = (): void => {
    counted++;
    report.progress(() => `${counted} counts on ${machines} machines`);
  };
  const each = await Promise.all(Array.from({ length: machines }, () => countEmulated(values.scale, onCount)));
  const counts = each.flat();
  const rows = countRows(counts);
  const print = report.table(columns);
  for (const row of rows) for (const line of lines(row)) print(...line);
  report.heading('when is the kernel worth it?');
  for (const line of useTables(counts).split('\n')) report.line(`  ${line}`);
  const measured: Results = { parts: { kernel: rows }, counts };
  const results = values.scale === '1' ? saveResults(measured) : measured;
  if (values.json) console.log(JSON.stringify(counts, null, 2));
  if (values.chart) writeFileSync(new URL('bench.svg', docs), chart(results));
  if (values.markdown) updateDocument(new URL('benchmarks.md', docs), results);
}

async function countEmulated(scale: string, onCount: () => void): Promise<Count[]> {
  const { cert, key } = await issue(undefined);
  const emulator = fileURLToPath(new URL('setup/emulator.mjs', root));
  const program = fileURLToPath(new URL('counts.ts', import.meta.url));
  const words = [emulator, '--', 'node', '--expose-gc', program, JSON.stringify({ cert, key }), scale];
  const machine = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(machine, 'exit');
  const counts: Count[] = [];
  for await (const line of createInterface({ input: machine.stdout })) {
    counts.push(JSON.parse(line));
    onCount();
  }
  const [status] = await exit;
  if (status !== 0) throw new Error(`the emulated machine ended with ${status}`);
  return counts;
}

/** Where V8 compiles and collects at another moment, and memory lies elsewhere, counts differ: the least and the most are told. */
const machines = 3;

const root = new URL('../../../', import.meta.url);
const docs = new URL('docs/', root);

await main();
