// npm run fuzz -- [TARGET…] [--minutes N] [--seed N]: inputs that nobody would think of; test/fuzz/main.ts says how.
import { loudly, projectEnvironment } from '../command.mjs';
import { at, projectNode } from '../paths.mjs';
import { dist } from '../steps/dist.mjs';
import { native } from '../steps/native.mjs';
import { wasm } from '../steps/wasm.mjs';

export const fuzz = {
  steps: () => [wasm, native, dist],
  run: (words) => loudly(projectNode(), [at('test/fuzz/main.ts'), ...words], { env: projectEnvironment() }),
};
