// Packages of the machine's own Debian release, installed only where one is missing.
import { existsSync, readFileSync } from 'node:fs';
import { answerOf, quietly } from './command.mjs';
import { build } from './paths.mjs';
import { SetupError } from './setup-error.mjs';

export const release = osRelease();

export const isDebian = release.ID === 'debian';

export async function installPackages(packages) {
  const root = asRoot();
  if (root === undefined) {
    throw new SetupError(
      `these Debian packages are missing: ${packages.join(' ')}`,
      `Run: sudo apt-get install --no-install-recommends ${packages.join(' ')}`,
    );
  }
  const log = build('logs/apt.log');
  const [command, ...prefix] = [...root, 'env', 'DEBIAN_FRONTEND=noninteractive'];
  await quietly(log, command, [...prefix, 'apt-get', '-q', 'update']);
  // Another apt may be at work.
  const install = [
    'apt-get',
    '-o',
    'DPkg::Lock::Timeout=600',
    '-q',
    '-y',
    '--no-install-recommends',
    'install',
    ...packages,
  ];
  await quietly(log, command, [...prefix, ...install]);
}

// The words to put before a command so that it runs as root; undefined when there are none.
function asRoot() {
  if (process.getuid() === 0) return [];
  return answerOf('sudo', ['-n', 'true']) === undefined ? undefined : ['sudo', '-n'];
}

function osRelease() {
  if (!existsSync('/etc/os-release')) return {};
  const lines = readFileSync('/etc/os-release', 'utf8').split('\n');
  const pairs = lines.map((line) => /^(\w+)="?(.*?)"?$/.exec(line)).filter((match) => match !== null);
  return Object.fromEntries(pairs.map(([, name, value]) => [name, value]));
}
