// An emulated machine to count instructions on: build/emulator/{vmlinuz,system.cpio}, and qemu to run it.
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Apt } from '../apt.mjs';
import { answerOf, isOnPath, quietly } from '../command.mjs';
import { CpioArchive } from '../cpio.mjs';
import { installPackages, isDebian, release } from '../debian.mjs';
import { at, build, projectNode } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { packages } from './packages.mjs';
import { tools } from './tools.mjs';

// Debian's configuration for virtual machines, of the release with the newest kernel: it can change keys.
const KERNEL = { suite: 'sid', name: 'linux-image-cloud-amd64' };

export const emulator = {
  name: 'emulator',
  title: 'emulated machine',
  isAvailable: isDebian && process.arch === 'x64',
  needs: [packages, tools],
  inputs: () => ({
    files: ['setup/emulator', 'setup/cpio.mjs'],
    values: [KERNEL, FOLDERS, PROGRAMS, APPLETS, answerOf(projectNode(), ['--version'])],
  }),
  outputs: ['build/emulator/vmlinuz', 'build/emulator/system.cpio'],
  async run(say) {
    if (!emulator.isAvailable) {
      throw new SetupError('the emulated machine is Debian for x86-64', 'Use a machine with Debian for it.');
    }
    const missing = Object.keys(PROGRAMS).filter((name) => !isOnPath(name));
    if (missing.length > 0) await installPackages(missing.map((name) => PROGRAMS[name]));
    rmSync(build('emulator'), { recursive: true, force: true });
    const scratch = build('emulator/scratch');
    const own = new Apt('deb', [release.VERSION_CODENAME]);
    await own.update();
    await own.unpack('busybox-static', scratch, join(scratch, 'system'));
    const { version, modules } = await fetchKernel(scratch);
    const archive = new CpioArchive();
    addSystem(archive, join(scratch, 'system'));
    for (const path of filesIn(modules)) archive.copy(path, path.slice(modules.length), 0o644);
    archive.write(build('emulator/system.cpio'));
    rmSync(scratch, { recursive: true });
    say(`Linux ${version}; ${answerOf('qemu-system-x86_64', ['--version']).split('\n')[0]}`);
  },
};

// The modules that matter, in a folder that is like `/`; the kernel itself goes to its place.
async function fetchKernel(scratch) {
  const apt = new Apt('deb', [KERNEL.suite]);
  await apt.update();
  const image = apt.dependencyOf(KERNEL.name, 'linux-image-');
  if (image === undefined) throw new SetupError(`apt knows no ${KERNEL.name} in ${KERNEL.suite}`, 'Try again later.');
  const unpacked = join(scratch, 'kernel');
  for (const part of ['linux-binary-', 'linux-modules-'])
    await apt.unpack(apt.dependencyOf(image, part), scratch, unpacked);
  const [version] = readdirSync(join(unpacked, 'usr/lib/modules'));
  const from = join(unpacked, 'usr/lib/modules', version);
  const modules = join(scratch, 'modules');
  const to = join(modules, 'lib/modules', version);
  for (const path of FOLDERS.flatMap((folder) => filesIn(join(from, folder)))) {
    const place = join(to, path.slice(from.length));
    mkdirSync(dirname(place), { recursive: true });
    renameSync(path, place);
  }
  await quietly(log(), 'xz', ['-d', ...filesIn(to).filter((path) => path.endsWith('.xz'))]);
  // The index of modules is made when a kernel is installed, which this one is not.
  await quietly(log(), 'depmod', ['-b', modules, version]);
  renameSync(join(from, 'vmlinuz'), build('emulator/vmlinuz'));
  return { version, modules };
}

// What is the same for whatever runs there: a shell and Node.
function addSystem(archive, unpacked) {
  for (const path of ['/proc', '/sys', '/dev', '/tmp', '/root']) archive.folder(path);
  archive.file('/etc/hosts', '127.0.0.1 localhost\n', 0o644);
  archive.copy(at('setup/emulator/init'), '/init');
  const [busybox] = filesIn(unpacked).filter((path) => basename(path) === 'busybox');
  chmodSync(busybox, 0o755);
  archive.copy(busybox, '/bin/busybox');
  for (const name of APPLETS) archive.link(`/bin/${name}`, 'busybox');
  archive.copy(projectNode(), '/usr/bin/node');
  for (const [, path] of answerOf('ldd', [projectNode()]).matchAll(/(\/\S+) \(0x/g)) archive.copy(path);
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

const log = () => build('logs/emulator.log');

// Of the kernel's modules.
const FOLDERS = ['kernel/net/tls', 'kernel/crypto', 'kernel/lib/crypto', 'kernel/arch/x86/crypto'];

// The command, and the Debian package that brings it.
const PROGRAMS = { 'qemu-system-x86_64': 'qemu-system-x86', depmod: 'kmod', xz: 'xz-utils' };

// What the init of the machine calls.
const APPLETS = ['sh', 'mount', 'mkdir', 'modprobe', 'ip', 'stty', 'sync', 'poweroff', 'echo', 'cat', 'date'];
