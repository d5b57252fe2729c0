// npm run fuzz -- TARGET… [--minutes N] [--seed N]: inputs that follow from others by what of src/ they make run (V8's block coverage).
// What a target does not survive is written to build/fuzz/TARGET/ and ends the run. `TARGET FILE` runs one input again.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Coverage } from './coverage.ts';
import { mutate, Random } from './mutation.ts';
import type { Target } from './target.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const found = fileURLToPath(new URL('../../build/fuzz/', import.meta.url));
const all = readdirSync(join(here, 'targets')).map((name) => name.replace(/\.ts$/, ''));

async function load(target: string): Promise<Target> {
  if (!all.includes(target)) throw new Error(`no target ${target}; there are ${all.join(' ')}`);
  const module: { target: Target } = await import(`./targets/${target}.ts`);
  return module.target;
}

async function fuzz(name: string, seconds: number, seed: number): Promise<boolean> {
  const target = await load(name);
  const coverage = new Coverage();
  const random = new Random(seed);
  const corpus = [...target.seeds(), ...stored(name)];
  const end = performance.now() + seconds * 1000;
  let [executions, shown] = [0, performance.now()];
  const survives = (input: Uint8Array): boolean => {
    executions++;
    // The thread's own time: a busy machine is no finding.
    const start = process.threadCpuUsage();
    try {
      target.run(input);
      const { user, system } = process.threadCpuUsage(start);
      if (user + system > slow) throw new Error(`one input took ${Math.round((user + system) / 1000)} ms`);
      return true;
    } catch (error) {
      report(name, input, error);
      return false;
    }
  };
  for (const input of corpus) if (!survives(input)) return false;
  coverage.takeNew();
  while (performance.now() < end) {
    const batch = Array.from({ length: batchLength }, () => mutate(random.of(corpus), random.of(corpus), random));
    for (const input of batch) if (!survives(input)) return false;
    // What is collected gives its memory back in turns of the event loop.
    await setImmediate();
    if (coverage.takeNew() > 0) for (const input of culprits(batch, target, coverage)) corpus.push(input);
    if (performance.now() - shown > 10_000) {
      shown = performance.now();
      console.log(`${name}: ${executions} executions, ${coverage.size} blocks, ${corpus.length} inputs`);
    }
  }
  coverage.close();
  console.log(
    `${name}: ${executions} executions, ${coverage.size} blocks, ${corpus.length} inputs, seed ${seed}: nothing found`,
  );
  return true;
}

/** Of a batch that reached something new, the inputs that reach what none before did, or as often. */
function culprits(batch: readonly Uint8Array[], target: Target, coverage: Coverage): Uint8Array[] {
  const signatures = new Set<string>();
  return batch.filter((input) => {
    coverage.signature();
    target.run(input);
    const signature = coverage.signature();
    if (signatures.has(signature) || seenSignatures.has(signature)) return false;
    signatures.add(signature);
    seenSignatures.add(signature);
    return true;
  });
}

const seenSignatures = new Set<string>();

function stored(name: string): Uint8Array[] {
  const folder = join(here, 'corpus', name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((file) => new Uint8Array(readFileSync(join(folder, file))));
}

function report(name: string, input: Uint8Array, error: unknown): void {
  const folder = join(found, name);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, createHash('sha256').update(input).digest('hex').slice(0, 16));
  writeFileSync(file, input);
  console.log(`${name}: ${error instanceof Error ? error.stack : String(error)}\nthe input: ${file}`);
}

const batchLength = 100;
/** Microseconds. */
const slow = 2_000_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' } },
});
const [name = '', file] = positionals;
if (positionals.length === 2 && file !== undefined && existsSync(file)) {
  (await load(name)).run(new Uint8Array(readFileSync(file)));
} else {
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  for (const one of positionals.length > 0 ? positionals : all) {
    const passed = await fuzz(one, Number(values.minutes) * 60, seed);
    if (!passed) process.exitCode = 1;
  }
}
