// npm run soak -- [short] [bulk] [hostile] [--minutes N] …: many connections, much data, hostile peers; test/soak/main.ts says how.
import { loudly, projectEnvironment } from '../command.mjs';
import { at, projectNode } from '../paths.mjs';
import { dist } from '../steps/dist.mjs';
import { native } from '../steps/native.mjs';
import { wasm } from '../steps/wasm.mjs';
import { runParts } from './parts.mjs';

const PROGRAM = at('test/soak/main.ts');

export const soak = {
  steps: () => [wasm, native, dist],
  run: (words) => loudly(projectNode(), [PROGRAM, ...words], { env: projectEnvironment() }),
};

// As a job of npm test, in short, and without what the clock says of a machine that does other things, too.
export const runSoak = (words) =>
  runParts(
    Object.entries(OPTIONS).map(([name, options]) => ({
      name,
      file: `test/soak/${name}.ts`,
      command: [projectNode(), PROGRAM, name, ...options],
    })),
    words,
  );

const OPTIONS = { short: ['--minutes=0.5'], bulk: ['--minutes=0.5'], hostile: ['--peers=100', '--no-stops'] };
