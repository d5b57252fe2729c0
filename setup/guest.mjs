// node setup/guest.mjs [-k 6.1|6.12|7] [-m MEMORY] [-t SECONDS] [-v] [--] COMMAND [ARGUMENT…]
// Runs a command in the current folder, but under a guest kernel that has kernel TLS: a Linux that is itself a process
// (user-mode Linux), on this machine's files. Output, exit status and environment pass through; one CPU.
// Status 124: out of time. 125: the guest died.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { at, build } from './paths.mjs';

export const KERNELS = ['6.1', '6.12', '7'];

// Resolves to the command's exit status.
export async function runInGuest(command, { kernel = '7', memory = '2G', seconds = 900, verbose = false } = {}) {
  const image = build('guest', kernel, 'linux');
  if (!existsSync(image)) {
    console.error(`guest: there is no kernel ${kernel}; node setup/run.mjs guests fetches ${KERNELS.join(', ')}`);
    return 125;
  }
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'ktls-guest-'));
  try {
    furnish(folder, kernel, command);
    const status = await boot(image, folder, { kernel, memory, seconds });
    if (verbose) process.stderr.write(readFileSync(join(folder, 'console')));
    if (existsSync(join(folder, 'status'))) return Number(readFileSync(join(folder, 'status'), 'utf8'));
    if (status > 128) return status;
    if (status === 124) console.error(`guest: still running after ${seconds} s, stopped`);
    else console.error(`guest: it died (${status})\n${lastLines(join(folder, 'console'))}`);
    return status === 124 ? 124 : 125;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// What the guest finds in its folder; see guest/init.
function furnish(folder, kernel, command) {
  const modules = quote(build('guest', kernel, 'modules'));
  const environment = Object.entries(process.env)
    .filter(([name]) => /^[A-Za-z_]\w*$/.test(name) && !NOT_PASSED.includes(name))
    .map(([name, value]) => `export ${name}=${quote(value)}\n`);
  const place = `cd ${quote(process.cwd())} || exit 125\nexport TMPDIR=/dev/shm\n`;
  const script = [place, ...environment, `exec ${command.map(quote).join(' ')}\n`];
  copyFileSync(at('setup/guest/init'), join(folder, 'init'));
  writeFileSync(join(folder, 'modprobe'), `#!/bin/sh\nexec modprobe -d ${modules} "$@"\n`);
  writeFileSync(join(folder, 'command'), script.join(''));
  for (const name of ['init', 'modprobe']) chmodSync(join(folder, name), 0o755);
}

async function boot(image, folder, { kernel, memory, seconds }) {
  const words = [
    `mem=${memory}`,
    `umid=${basename(folder)}`,
    `uml_dir=${folder}/`,
    'root=/dev/root rootfstype=hostfs hostfs=/ rw',
    `init=${folder}/init`,
    'con=null con0=null,fd:2 console=tty0 quiet',
    'ssl=null ssl0=null,fd:3 ssl1=null,fd:4',
    'random.trust_cpu=on',
    // Guests before 7 know only ptrace; with it 7 is 2.5 times slower.
    ...(kernel === '7' ? ['seccomp=on'] : []),
  ].flatMap((line) => line.split(' '));
  const log = openSync(join(folder, 'console'), 'w');
  // `timeout` makes a process group of its own, and outlives us if we are killed: no guest stays behind.
  const guest = spawn('timeout', ['--kill-after=5', String(seconds), image, ...words], {
    stdio: ['ignore', log, log, 'pipe', 'pipe'],
    env: { ...process.env, HOME: folder, TMPDIR: memoryFolder(memory) },
  });
  closeSync(log);
  let stoppedBy;
  const stop = (signal) => {
    stoppedBy = signal;
    kill(guest);
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  // Whoever read the output is gone.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => stop('SIGPIPE'));
  guest.stdio[3].pipe(process.stdout, { end: false });
  guest.stdio[4].pipe(process.stderr, { end: false });
  const status = await new Promise((resolve, reject) => {
    guest.once('error', reject);
    guest.once('close', (code) => resolve(stoppedBy ? 128 + constants.signals[stoppedBy] : (code ?? 125)));
  });
  for (const signal of SIGNALS) process.off(signal, stop);
  return status;
}

function kill(guest) {
  try {
    process.kill(-guest.pid, 'SIGKILL');
  } catch {
    guest.kill('SIGKILL');
  }
}

// The guest's memory is a file, best in a folder that is itself memory.
function memoryFolder(memory) {
  const [, number, unit] = /^(\d+)([KMG])$/i.exec(memory);
  const wanted = Number(number) * { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[unit.toUpperCase()];
  const shared = existsSync('/dev/shm') ? statfsSync('/dev/shm') : { bavail: 0, bsize: 0 };
  return shared.bavail * shared.bsize > wanted ? '/dev/shm' : tmpdir();
}

function quote(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function lastLines(path) {
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-20).join('\n');
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

// TMPDIR: in the host's folders the guest has no sockets; in its own /dev/shm it has.
const NOT_PASSED = ['PWD', 'OLDPWD', 'SHLVL', '_', 'TMPDIR'];

const OPTIONS = { '-k': 'kernel', '-m': 'memory', '-t': 'seconds' };

function readWords(words) {
  const options = {};
  while (words[0]?.startsWith('-')) {
    const word = words.shift();
    if (word === '--') break;
    if (word === '-v') options.verbose = true;
    else if (word in OPTIONS) options[OPTIONS[word]] = words.shift();
    else return { command: [] };
  }
  return { options, command: words };
}

if (process.argv[1]?.endsWith('guest.mjs')) {
  const { options, command } = readWords(process.argv.slice(2));
  if (command.length === 0) {
    console.error('usage: node setup/guest.mjs [-k KERNEL] [-m MEMORY] [-t SECONDS] [-v] [--] COMMAND [ARGUMENT…]');
    process.exitCode = 2;
  } else {
    process.exitCode = await runInGuest(command, options);
  }
}
