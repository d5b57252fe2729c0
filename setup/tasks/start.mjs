// npm start [-- [--guest] ARGUMENT…]: the demonstration; with --guest under a kernel that has kernel TLS.
import { loudly, projectEnvironment } from '../command.mjs';
import { at, projectNode } from '../paths.mjs';
import { dist } from '../steps/dist.mjs';
import { guests } from '../steps/guests.mjs';
import { native } from '../steps/native.mjs';
import { wasm } from '../steps/wasm.mjs';

const PROGRAM = 'dist/cli/main-job.js';

export const start = {
  steps: (words) => [wasm, native, dist, ...(inGuest(words) ? [guests] : [])],
  run(words) {
    const program = [projectNode(), at(PROGRAM), ...words.filter((word) => word !== '--guest')];
    const command = inGuest(words) ? [process.execPath, at('setup/guest.mjs'), '--', ...program] : program;
    return loudly(command[0], command.slice(1), { env: projectEnvironment() });
  },
};

function inGuest(words) {
  return words.includes('--guest');
}
