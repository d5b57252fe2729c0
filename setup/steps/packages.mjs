// npm packages, among them the Node that builds and tests run on.
import { readFileSync } from 'node:fs';
import { answerOf, quietly } from '../command.mjs';
import { at, build, projectNode } from '../paths.mjs';
import { SetupError } from '../setup-error.mjs';

export const packages = {
  name: 'packages',
  title: 'npm packages',
  inputs() {
    const { dependencies, devDependencies, allowScripts } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
    return { files: ['package-lock.json'], values: [dependencies, devDependencies, allowScripts] };
  },
  outputs: ['node_modules/.package-lock.json', 'node_modules/node/package.json'],
  async run() {
    const log = build('logs/npm.log');
    await quietly(log, 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
    if (majorVersion() >= OLDEST_NODE) return;
    // The package "node" gets its binary from an install script, which npm may have been told to leave out.
    await quietly(log, 'npm', ['rebuild', 'node', '--ignore-scripts=false', '--loglevel=error']);
    if (majorVersion() >= OLDEST_NODE) return;
    throw new SetupError(
      `no Node ≥ ${OLDEST_NODE} after npm ci`,
      `Install Node ${OLDEST_NODE} or newer, or see ${log}`,
    );
  },
};

function majorVersion() {
  return Number(answerOf(projectNode(), ['-p', 'process.versions.node'])?.split('.')[0]);
}

const OLDEST_NODE = 22;
