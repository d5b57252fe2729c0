// npm run bench:windows [-- --json] [PART…]: figures beside node:tls in Windows' Node.js under Wine. They are good as ratios of one run only.
import { loudly } from '../command.mjs';
import { at } from '../paths.mjs';
import { windowsPackages } from '../steps/foreign-packages.mjs';
import { nativeWindows } from '../steps/native.mjs';
import { runtimePath, runtimes } from '../steps/runtimes.mjs';
import { wasm } from '../steps/wasm.mjs';
import { wine } from '../steps/wine.mjs';

export const benchWindows = {
  steps: () => [wasm, nativeWindows, runtimes, wine, windowsPackages],
  run(words) {
    const parts = words.length > 0 ? words : ['protection'];
    const program = [at(runtimePath('windows-node-24')), at('test/bench/main.ts'), ...parts];
    return loudly(process.execPath, [at('setup/wine.mjs'), ...program]);
  },
};
