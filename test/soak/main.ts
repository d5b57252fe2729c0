// npm run soak -- [short] [bulk] [hostile] [--minutes N] [--connections N] [--bytes N] [--peers N] [--kind NAME]… [--no-stops] [--seed N]: what holds for one connection, for many and
// for long. Without a word, short and bulk.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runHostile } from './hostile.ts';
import { growth, type Levels, show } from './levels.ts';
import type { Limits, Told } from './work.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string' },
    connections: { type: 'string' },
    bytes: { type: 'string' },
    peers: { type: 'string', default: '300' },
    kind: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string' },
    'no-stops': { type: 'boolean', default: false },
  },
});

/** Resolves to what was wrong. */
async function soak(name: string, limits: Limits, seed: number): Promise<string[]> {
  console.log(`${name}: seed ${seed}, ${JSON.stringify(limits)}`);
  const program = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = fork(program, [JSON.stringify(limits), String(seed)], { execArgv: ['--expose-gc'] });
  const taken: { warm?: Levels; end?: Levels } = {};
  let faults: readonly string[] | undefined;
  child.on('message', (told: Told) => {
    if (told.kind === 'progress') console.log(`${name}: ${told.text}`);
    else if (told.kind === 'levels') {
      taken[told.when] = told.levels;
      console.log(`${name}: ${told.when}: ${show(told.levels)}`);
    } else {
      faults = told.faults;
      console.log(`${name}: ${told.done}`);
    }
  });
  const [code, signal] = await once(child, 'exit');
  const status = code ?? signal;
  const wrong = [...(faults ?? [])];
  if (taken.warm && taken.end) wrong.push(...growth(taken.warm, taken.end));
  if (status !== 0 || !faults) wrong.push(`the process ended with ${status}`);
  return wrong.map((text) => `${name}: ${text}`);
}

const chosen = positionals.length > 0 ? positionals : ['short', 'bulk'];
const known = ['short', 'bulk', 'hostile'];
const unknown = chosen.filter((name) => !known.includes(name));
if (unknown.length > 0) throw new Error(`there is no ${unknown}; there are ${known.join(' ')}`);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const parts = chosen.filter((name) => name !== 'hostile');
// A number of connections or bytes is reached however long it takes, unless a time is given, too.
const isCounted = values.connections !== undefined || values.bytes !== undefined;
const seconds = values.minutes
  ? (Number(values.minutes) * 60) / parts.length
  : isCounted
    ? Infinity
    : 120 / parts.length;
const wrong: string[] = [];
for (const name of parts) {
  const limits = {
    seconds: Number.isFinite(seconds) ? seconds : 1e9,
    connections: name === 'short' ? Number(values.connections ?? 1e12) : 1e12,
    bytes: name === 'bulk' ? Number(values.bytes ?? 1e18) : 1e18,
  };
  // What is counted of the other kind says nothing of this one.
  if (isCounted && !values.minutes && (name === 'short' ? values.connections : values.bytes) === undefined) continue;
  wrong.push(...(await soak(name, limits, seed)));
}
if (chosen.includes('hostile'))
  wrong.push(...(await runHostile(Number(values.peers), values.kind, !values['no-stops'])));
for (const text of wrong) console.error(`WRONG: ${text}`);
console.log(wrong.length === 0 ? 'nothing wrong' : `${wrong.length} wrong`);
if (wrong.length > 0) process.exitCode = 1;
