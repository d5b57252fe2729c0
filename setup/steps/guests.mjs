// Guest kernels for the tests, from Debian's user-mode-linux packages: build/guest/KERNEL/{linux,modules}.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Apt } from '../apt.mjs';
import { isOnPath, quietly } from '../command.mjs';
import { installPackages, isDebian } from '../debian.mjs';
import { build, root } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { tools } from './tools.mjs';

// The kernel's name in `guest.mjs -k`, and the Debian release that has it.
const KERNELS = [
  ['6.1', 'bookworm'],
  ['6.12', 'trixie'],
  ['7', 'sid'],
];

export const guests = {
  name: 'guests',
  title: `guest kernels ${KERNELS.map(([kernel]) => kernel).join(', ')}`,
  isAvailable: isDebian && process.arch === 'x64',
  needs: [tools],
  // The kernels name their C library by its full path.
  inputs: () => ({ values: [KERNELS, root] }),
  outputs: KERNELS.map(([kernel]) => `build/guest/${kernel}/linux`),
  async run(say) {
    if (!guests.isAvailable) {
      throw new SetupError('guest kernels come from Debian, for x86-64 only', 'Use a machine with Debian for them.');
    }
    const missing = Object.keys(PROGRAMS).filter((name) => !isOnPath(name));
    if (missing.length > 0) await installPackages(missing.map((name) => PROGRAMS[name]));
    rmSync(build('guest'), { recursive: true, force: true });
    for (const [kernel, suite] of KERNELS) {
      const apt = new Apt('deb', [suite]);
      await apt.update();
      say(await fetchKernel(kernel, apt));
    }
  },
};

async function fetchKernel(kernel, apt) {
  const scratch = build('guest/scratch');
  const folder = build('guest', kernel);
  await apt.unpack('user-mode-linux', scratch, join(scratch, 'kernel'));
  await apt.unpack('libc6', scratch, join(scratch, 'libc'));
  mkdirSync(join(folder, 'modules/lib'), { recursive: true });
  renameSync(join(scratch, 'kernel/usr/lib/uml/modules'), join(folder, 'modules/lib/modules'));
  renameSync(libcIn(join(scratch, 'libc')), join(folder, 'libc'));
  const image = join(scratch, 'kernel/usr/bin/linux.uml');
  // The C library of the kernel's own release, beside it: this machine's may be too old, and stays as it is.
  const libc = join(folder, 'libc');
  const words = ['--set-interpreter', join(libc, LOADER), '--set-rpath', libc, image];
  await quietly(build('logs/guests.log'), 'patchelf', words);
  renameSync(image, join(folder, 'linux'));
  rmSync(scratch, { recursive: true });
  return `${kernel}: Linux ${readdirSync(join(folder, 'modules/lib/modules')).join(' ')}`;
}

function libcIn(tree) {
  return [join(tree, 'usr/lib/x86_64-linux-gnu'), join(tree, 'lib/x86_64-linux-gnu')].find((folder) =>
    existsSync(join(folder, LOADER)),
  );
}

const LOADER = 'ld-linux-x86-64.so.2';

// What guest/init calls, and the Debian package that brings it.
const PROGRAMS = { modprobe: 'kmod', ip: 'iproute2' };
