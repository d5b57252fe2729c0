// npm run bench [-- --json] [PART…]: this library beside node:tls. Each part runs in a process of its own.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Report } from '../../src/cli/report.ts';
import { handshakes } from './handshakes.ts';
import { idleMemory } from './idle-memory.ts';
import type { Row } from './measure.ts';
import { requests } from './requests.ts';
import { bulk, pingPong } from './streams.ts';

interface Part {
  readonly title: string;
  readonly run: (tell: (row: Row) => void) => Promise<void>;
  readonly flags?: readonly string[];
}

const parts: Readonly<Record<string, Part>> = {
  bulk: { title: 'bulk, 256 KB writes', run: (tell) => bulk(tell) },
  portable: {
    title: 'bulk without the addon: node:crypto',
    run: (tell) => bulk(tell, 0.9),
    flags: ['--no-addons'],
  },
  'ping-pong': { title: 'one message at a time', run: pingPong },
  requests: { title: 'https, keep-alive, 50 connections', run: requests },
  handshakes: { title: 'handshakes, both ends in one thread', run: handshakes },
  memory: { title: 'resident memory of an idle server connection', run: (tell) => idleMemory(tell) },
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, child: { type: 'string' } },
  });
  if (values.child) {
    await parts[values.child]?.run((row) => void process.send?.(row));
    process.exit();
  }
  const chosen = positionals.length > 0 ? positionals : Object.keys(parts);
  const unknown = chosen.filter((name) => !parts[name]);
  if (unknown.length > 0)
    throw new TypeError(`no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  const rows: Record<string, Row[]> = {};
  const report = new Report(values.json ? process.stderr : process.stdout);
  for (const name of chosen) rows[name] = await runPart(name, report);
  if (values.json) console.log(JSON.stringify({ node: process.version, rows }, null, 2));
}

async function runPart(name: string, report: Report): Promise<Row[]> {
  const { title = '', flags = [] } = parts[name] ?? {};
  report.heading(name, title);
  const print = report.table([
    { title: '', width: 36 },
    { title: 'ktls', width: 8, align: 'right' },
    { title: 'node:tls', width: 8, align: 'right' },
    { title: 'unit', width: 8 },
    { title: 'ratio', width: 5, align: 'right' },
    { title: 'min–max', width: 9 },
    { title: 'CPU', width: 5, align: 'right' },
    { title: 'goal', width: 6, align: 'right' },
  ]);
  const rows: Row[] = [];
  const child = fork(fileURLToPath(import.meta.url), ['--child', name], {
    execArgv: ['--expose-gc', ...flags],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.on('message', (row: Row) => {
    rows.push(row);
    print(...cells(row));
  });
  const started = performance.now();
  const ticker = setInterval(
    () => report.progress(() => `${((performance.now() - started) / 1000).toFixed(0)} s`),
    500,
  );
  const code = await new Promise((resolve) => child.once('exit', resolve));
  clearInterval(ticker);
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
  return rows;
}

function cells({ name, unit, goal, lessIsBetter, ours, theirs, ratio, least, most, processorRatio }: Row): string[] {
  const digits = lessIsBetter ? 1 : 0;
  return [
    name,
    ours.toFixed(digits),
    theirs.toFixed(digits),
    unit,
    ratio.toFixed(2),
    `${least.toFixed(2)}–${most.toFixed(2)}`,
    processorRatio?.toFixed(2) ?? '',
    lessIsBetter ? `≤ ${goal}` : `≥ ${goal}`,
  ];
}

await main().catch((error: unknown) => {
  console.error(error instanceof TypeError ? error.message : error);
  process.exit(error instanceof TypeError ? 2 : 1);
});
