// node setup/emulator.mjs [-t SECONDS] [-v] [--] COMMAND [ARGUMENT…]
// Runs a command on an emulated x86-64 machine with Debian's kernel, in a copy of this folder's sources. It has one processor on
// which an instruction takes a nanosecond, whatever this machine is doing: time there is a count of instructions. Standard output
// and exit status pass through; -v shows the console. Status 124: out of time. 125: the machine died.
import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { CpioArchive } from './cpio.mjs';
import { at, build, root } from './paths.mjs';
import { filesUnder } from './stamp.mjs';

// Resolves to the command's exit status.
export async function runEmulated(command, { seconds = 3600, verbose = false } = {}) {
  const [kernel, system] = ['vmlinuz', 'system.cpio'].map((name) => build('emulator', name));
  if (!existsSync(kernel)) {
    console.error('emulator: there is no kernel; node setup/run.mjs emulator fetches it');
    return 125;
  }
  const folder = mkdtempSync(join(tmpdir(), 'ktls-emulator-'));
  try {
    const [own, all, log] = ['own.cpio', 'all.cpio', 'console'].map((name) => join(folder, name));
    addProject(command).write(own);
    // Linux unpacks one archive after the other.
    for (const [path, flags] of [
      [system, 'w'],
      [own, 'a'],
    ])
      await pipeline(createReadStream(path), createWriteStream(all, { flags }));
    const status = await boot({ kernel, archive: all, log, seconds });
    if (verbose || status === 125) process.stderr.write(readFileSync(log));
    if (status === 124) console.error(`emulator: still running after ${seconds} s, stopped`);
    return status;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function addProject(command) {
  const archive = new CpioArchive();
  for (const path of SOURCES.flatMap(filesUnder)) archive.copy(at(path), join(root, path), 0o644);
  const words = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  archive.file('/command', `cd '${root}' && exec ${words}\n`);
  return archive;
}

async function boot({ kernel, archive, log, seconds }) {
  const words = [
    // One instruction is 2^0 ns, and idle time passes at once.
    '-accel tcg,thread=single -icount shift=0,sleep=off',
    // An instruction that moves a whole block would count as one.
    '-cpu max,-erms,-fsrm -smp 1 -m 3G',
    `-nic none -display none -monitor none -no-reboot -serial file:${log} -serial stdio`,
    `-kernel ${kernel} -initrd ${archive}`,
  ].flatMap((line) => line.split(' '));
  words.push('-append', 'console=ttyS0 quiet panic=-1 random.trust_cpu=on mitigations=auto');
  // `timeout` makes a process group of its own, and outlives us if we are killed: no machine stays behind.
  const machine = spawn('timeout', ['--kill-after=5', String(seconds), 'qemu-system-x86_64', ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stoppedBy;
  const stop = (signal) => {
    stoppedBy = signal;
    machine.kill('SIGTERM');
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  let status = 125;
  createInterface({ input: machine.stdout }).on('line', (line) => {
    const ended = /^status (\d+)$/.exec(line);
    if (ended) status = Number(ended[1]);
    else console.log(line);
  });
  const code = await new Promise((resolve, reject) => {
    machine.once('error', reject);
    machine.once('close', resolve);
  });
  for (const signal of SIGNALS) process.off(signal, stop);
  if (stoppedBy) return 128 + constants.signals[stoppedBy];
  return code === 124 ? 124 : status;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

// Of the project, what a command may need there.
const SOURCES = ['package.json', 'src', 'test/bench', 'wasm/ktls.wasm', 'prebuilds'];

function readWords(words) {
  const options = {};
  while (words[0]?.startsWith('-')) {
    const word = words.shift();
    if (word === '--') break;
    if (word === '-v') options.verbose = true;
    else if (word === '-t') options.seconds = words.shift();
    else return { command: [] };
  }
  return { options, command: words };
}

if (process.argv[1]?.endsWith('emulator.mjs')) {
  const { options, command } = readWords(process.argv.slice(2));
  if (command.length === 0) {
    console.error('usage: node setup/emulator.mjs [-t SECONDS] [-v] [--] COMMAND [ARGUMENT…]');
    process.exitCode = 2;
  } else {
    process.exitCode = await runEmulated(command, options);
  }
}
