// npm run watch -- [PATH…]: unit tests, again whenever a file that they need changes.
import { loudly, projectEnvironment } from '../command.mjs';
import { at, projectNode } from '../paths.mjs';
import { JOBS } from './jobs.mjs';
import { packageSteps } from './selection.mjs';

export const watch = {
  steps: (words) => packageSteps(JOBS, words),
  run: (words) =>
    loudly(projectNode(), [at('node_modules/vitest/vitest.mjs'), 'watch', '--project', 'unit', ...words], {
      env: projectEnvironment(),
    }),
};
