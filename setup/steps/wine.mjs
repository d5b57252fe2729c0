// build/wine: Wine 10 in a folder with a Debian of its own, which setup/wine.mjs runs programs in. Debian 12's own Wine 8 cannot run current
// versions of Node.js.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mirror } from '../apt.mjs';
import { quietly } from '../command.mjs';
import { installPackages, isDebian } from '../debian.mjs';
import { build } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';
import { runInWine } from '../wine.mjs';

const RELEASE = 'trixie';

export const wine = {
  name: 'wine',
  title: 'Wine',
  isAvailable: isDebian && process.arch === 'x64' && process.getuid() === 0,
  inputs: () => ({ values: [RELEASE] }),
  // Not /usr/bin/wine, whose link leads out of the folder when it is seen from here.
  outputs: ['build/wine/usr/bin/wine-stable', 'build/wine/opt/windows/system.reg'],
  async run() {
    if (!wine.isAvailable) throw new SetupError('Wine needs root on Debian for x86-64', 'Use such a machine for it.');
    if (!existsSync(DEBOOTSTRAP)) await installPackages(['debootstrap']);
    const folder = build('wine');
    const log = build('logs/wine.log');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const words = ['--variant=minbase', '--include=wine64,wine', RELEASE, folder, mirror()];
    // It looks for its programs in places that are on root's PATH only.
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
    await quietly(log, DEBOOTSTRAP, words, { env });
    writeFileSync(join(folder, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
    rmSync(join(folder, 'var/cache/apt/archives'), { recursive: true });
    if ((await runInWine(['wineboot', '-i'], { seconds: 300 })) !== 0) {
      throw new SetupError('Wine does not start', `See ${log}, and run: node setup/wine.mjs wineboot -i`);
    }
  },
};

const DEBOOTSTRAP = '/usr/sbin/debootstrap';
