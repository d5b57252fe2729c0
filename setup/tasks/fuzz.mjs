// npm run fuzz -- [TARGET…] [--minutes N] [--seed N]: inputs that nobody would think of. test/fuzz/main.ts says how for what is JavaScript;
// native targets (test/fuzz/native) are libFuzzer's.
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loudly, projectEnvironment } from '../command.mjs';
import { at, build, projectNode } from '../paths.mjs';
import { dist } from '../steps/dist.mjs';
import { native } from '../steps/native.mjs';
import { fuzzerOf, fuzzers, NATIVE_TARGETS } from '../steps/sanitized.mjs';
import { ech, wasm } from '../steps/wasm.mjs';
import { runParts } from './parts.mjs';

export const fuzz = {
  steps: (words) => [wasm, ech, native, dist, ...(nativeAmong(words).length > 0 ? [fuzzers] : [])],
  async run(words) {
    const { values, targets } = read(words);
    const chosen = targets.length > 0 ? targets : TARGETS;
    const native = nativeAmong(words);
    const others = chosen.filter((name) => !native.includes(name));
    const options = [`--minutes=${values.minutes}`, ...(values.seed ? [`--seed=${values.seed}`] : [])];
    let status = 0;
    if (others.length > 0) status = await loudly(projectNode(), [PROGRAM, ...others, ...options], { env });
    for (const name of native) {
      const [program, ...rest] = nativeCommand(name, Number(values.minutes) * 60, values.seed);
      status = (await loudly(program, rest, { env })) || status;
    }
    return status;
  },
};

// As jobs of npm test: each target for a short time.
export const runFuzz = (words) =>
  runParts(
    TARGETS.map((name) => ({
      name,
      file: `test/fuzz/targets/${name}.ts`,
      command: [projectNode(), PROGRAM, name, `--minutes=${(FOREMOST.includes(name) ? 60 : 25) / 60}`],
    })),
    words,
    2,
  );

export const runNativeFuzz = (words) =>
  runParts(
    NATIVE_TARGETS.map((name) => ({
      name,
      file: `test/fuzz/native/${name}.cc`,
      command: nativeCommand(name, 30),
    })),
    words,
    2,
  );

function read(words) {
  const options = { minutes: { type: 'string', default: '1' }, seed: { type: 'string' } };
  const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true });
  return { values, targets: positionals };
}

// Without a word, those too, where they can be had.
function nativeAmong(words) {
  const { targets } = read(words);
  if (targets.length > 0) return targets.filter((name) => NATIVE_TARGETS.includes(name));
  return fuzzers.isAvailable ? NATIVE_TARGETS : [];
}

// What is found goes into build/fuzz; what the corpus in the repository begins with stays as it is.
function nativeCommand(name, seconds, seed = 0) {
  const grown = build('fuzz/corpus', name);
  mkdirSync(grown, { recursive: true });
  mkdirSync(build('fuzz', name), { recursive: true });
  const limits = [`-max_total_time=${Math.round(seconds)}`, '-max_len=2048', '-timeout=10', '-rss_limit_mb=1024'];
  const words = [...limits, `-seed=${seed}`, '-print_final_stats=1', '-verbosity=0'];
  const found = `-artifact_prefix=${build('fuzz', name)}/`;
  const stored = at('test/fuzz/corpus', name);
  return [fuzzerOf(name), ...words, found, grown, ...(existsSync(stored) ? [stored] : [])];
}

const env = projectEnvironment();
const PROGRAM = at('test/fuzz/main.ts');
const TARGETS = readdirSync(at('test/fuzz/targets')).map((name) => name.replace(/\.ts$/, ''));

// What a peer reaches without having proved anything.
const FOREMOST = ['engine', 'gate', 'record-buffer'];
