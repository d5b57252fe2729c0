// npm run bench [-- --json] [PART…]: this library beside node:tls, in figures.
import { loudly, projectEnvironment } from '../command.mjs';
import { at, projectNode } from '../paths.mjs';
import { dist } from '../steps/dist.mjs';
import { native } from '../steps/native.mjs';
import { wasm } from '../steps/wasm.mjs';

export const bench = {
  steps: () => [wasm, native, dist],
  run: (words) => loudly(projectNode(), [at('test/bench/main.ts'), ...words], { env: projectEnvironment() }),
};
