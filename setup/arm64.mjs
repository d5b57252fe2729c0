// node setup/arm64.mjs PROGRAM [ARGUMENT…]: runs a program for arm64 in an emulator of the processor. It finds the packages for arm64 in
// node_modules. What it starts itself has to be for this machine.
import { loudly } from './command.mjs';
import { at } from './paths.mjs';
import { foreignModules } from './steps/foreign-packages.mjs';

const EMULATOR = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'];

// In a namespace of its own: nothing stays mounted.
const INSIDE = 'mount --bind "$1" "$2" && shift 2 && exec "$@"';

const words = [foreignModules('linux-arm64'), at('node_modules'), ...EMULATOR, ...process.argv.slice(2)];
const options = process.getuid() === 0 ? ['--mount'] : ['--map-root-user', '--mount'];
process.exitCode = await loudly('unshare', [...options, 'sh', '-c', INSIDE, 'sh', ...words], { cwd: process.cwd() });
