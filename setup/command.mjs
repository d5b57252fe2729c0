// Child processes: quiet ones whose output goes to a log, and loud ones that share the terminal.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname } from 'node:path';
import { at, projectNode, root } from './paths.mjs';
import { SetupError } from './setup-error.mjs';

// Runs to the end with its output in the file `log`; a failure shows the end of it.
export async function quietly(log, command, args, options = {}) {
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, 'a');
  writeSync(output, `$ ${[command, ...args].join(' ')}\n`);
  try {
    const status = await ended(command, args, { ...options, stdio: ['ignore', output, output] });
    if (status !== 0)
      throw new SetupError(`${command} failed (${status})`, `${lastLines(log)}\nThe whole output: ${log}`);
  } finally {
    closeSync(output);
  }
}

// Runs to the end on the terminal; resolves to its exit status.
export function loudly(command, args, options = {}) {
  return ended(command, args, { ...options, stdio: 'inherit' });
}

// Standard output of a short command, or undefined when it fails.
export function answerOf(command, args, options = {}) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  return status === 0 ? stdout : undefined;
}

export function isOnPath(command) {
  return answerOf('sh', ['-c', `command -v "$1"`, 'sh', command]) !== undefined;
}

// The environment in which the project's own Node and tools come first.
export function projectEnvironment(additions = {}) {
  const path = [dirname(projectNode()), at('node_modules/.bin'), process.env.PATH].join(delimiter);
  return { ...process.env, PATH: path, ...additions };
}

function ended(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, ...options });
    child.on('error', (error) => {
      reject(error.code === 'ENOENT' ? new SetupError(`${command} is not installed`, `Install ${command}.`) : error);
    });
    child.on('exit', (status, signal) => resolve(status ?? 128 + constants.signals[signal]));
  });
}

function lastLines(log) {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-30).join('\n');
}
