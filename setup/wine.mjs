// node setup/wine.mjs PROGRAM [ARGUMENT…]: runs a Windows program under Wine in the current folder, which it sees as Z:\ and the same path. It finds
// the packages for Windows in node_modules. Output and exit status pass through. Status 124: out of time.
// WINE_NODE_OPTIONS: its NODE_OPTIONS.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, root } from './paths.mjs';
import { foreignModules } from './steps/foreign-packages.mjs';

// Resolves to the program's exit status.
export async function runInWine(command, { seconds = 1200 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ktls-wine-'));
  const modules = foreignModules('win32-x64');
  if (existsSync(modules)) mkdirSync(join(root, 'node_modules'), { recursive: true });
  const words = [build('wine'), root, existsSync(modules) ? modules : '', process.cwd(), String(seconds), ...command];
  // node.exe takes no pipe of this system for its output, but a file.
  const outputs = [follow(join(folder, 'stdout'), process.stdout), follow(join(folder, 'stderr'), process.stderr)];
  try {
    const [out, error] = outputs.map(({ descriptor }) => descriptor);
    const arguments_ = ['--mount', '--pid', '--fork', '--kill-child', 'bash', '-c', INSIDE, 'bash', ...words];
    const child = spawn('unshare', arguments_, { stdio: ['ignore', out, error], env: ENVIRONMENT });
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill('SIGKILL'));
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (status, signal) => resolve(status ?? 128 + constants.signals[signal]));
    });
  } finally {
    for (const { stop } of outputs) stop();
    rmSync(folder, { recursive: true });
  }
}

// Copies to `target` what is written to a file, until stopped.
function follow(path, target) {
  const descriptor = openSync(path, 'w+');
  const chunk = Buffer.alloc(1 << 16);
  let at = 0;
  const copy = () => {
    for (;;) {
      const length = readSync(descriptor, chunk, 0, chunk.length, at);
      if (length === 0) return;
      target.write(Buffer.from(chunk.subarray(0, length)));
      at += length;
    }
  };
  const timer = setInterval(copy, 200);
  return {
    descriptor,
    stop() {
      clearInterval(timer);
      copy();
      closeSync(descriptor);
    },
  };
}

// In namespaces of its own: nothing stays mounted, and nothing goes on running. One at a time: programs of two namespaces must not share Wine's server.
const INSIDE = `set -e
wine=$1 project=$2 modules=$3 place=$4 seconds=$5; shift 5
mount --rbind /dev "$wine/dev"
mount -t proc proc "$wine/proc"
mkdir -p "$wine$project"
mount --bind "$project" "$wine$project"
if [ -n "$modules" ]; then mount --bind "$modules" "$wine$project/node_modules"; fi
exec flock "$wine.lock" timeout "$seconds" chroot "$wine" /bin/sh -c 'cd "$1" && shift && wine "$@"; status=$?; wineserver -w; exit $status' sh "$place" "$@"`;

const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  XDG_RUNTIME_DIR: '/tmp',
  WINEPREFIX: '/opt/windows',
  WINEARCH: 'win64',
  WINEDEBUG: '-all',
  // None of them is needed, and each would ask for something to be installed.
  WINEDLLOVERRIDES: 'mscoree=;mshtml=;winemenubuilder.exe=',
  NO_COLOR: '1',
  ...(process.env.WINE_NODE_OPTIONS && { NODE_OPTIONS: process.env.WINE_NODE_OPTIONS }),
};

if (import.meta.filename === process.argv[1]) process.exitCode = await runInWine(process.argv.slice(2));
