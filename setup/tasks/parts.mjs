// A job of programs that say by their exit status whether they succeeded: fuzzing, endurance.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { projectEnvironment } from '../command.mjs';
import { root } from '../paths.mjs';

// Runs those of `parts` ({ name, file, command }) whose file's path contains a word of `words`, all without any; `atATime` of them side by
// side. Resolves to { passed, failed, skipped, seconds, failures }.
export async function runParts(parts, words, atATime = 1) {
  const start = performance.now();
  const waiting = parts.filter(({ file }) => words.length === 0 || words.some((word) => file.includes(word)));
  const chosen = waiting.length;
  const failures = [];
  const work = async () => {
    for (let part = waiting.shift(); part; part = waiting.shift()) {
      const failure = await runPart(part);
      if (failure !== undefined) failures.push(`${part.name}: ${failure}`);
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
  const seconds = (performance.now() - start) / 1000;
  return { passed: chosen - failures.length, failed: failures.length, skipped: 0, seconds, failures };
}

// Resolves to what it said last where it failed.
async function runPart({ name, command: [program, ...words] }) {
  const child = spawn(program, words, { cwd: root, env: projectEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
  const last = [];
  const take = (line) => {
    if (line.includes('# Uses:')) return; // libFuzzer's suggestions for a dictionary
    console.log(`${name}: ${line}`);
    last.push(line);
    if (last.length > linesKept) last.shift();
  };
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', take);
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code, signal) => resolve(code ?? signal));
  });
  return status === 0 ? undefined : `ended with ${status}\n${last.join('\n')}`;
}

const linesKept = 12;
