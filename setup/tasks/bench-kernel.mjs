// npm run bench:kernel [-- --json]: instructions a byte with the kernel's TLS, on an emulated machine.
import { loudly, projectEnvironment } from '../command.mjs';
import { at, projectNode } from '../paths.mjs';
import { emulator } from '../steps/emulator.mjs';
import { native } from '../steps/native.mjs';
import { wasm } from '../steps/wasm.mjs';

export const benchKernel = {
  steps: () => [wasm, native, emulator],
  run: (words) => loudly(projectNode(), [at('test/bench/kernel/main.ts'), ...words], { env: projectEnvironment() }),
};
