// The jobs of npm test: each is a run of Vitest, on what its steps set up.
import { guests } from '../steps/guests.mjs';
import { peers } from '../steps/peers.mjs';
import { runtimes } from '../steps/runtimes.mjs';

export const JOBS = [
  { name: 'unit', project: 'unit' },
  { name: 'unit, Node.js 22', project: 'unit', runtime: 'node-22', steps: [runtimes] },
  { name: 'unit, Node.js 26', project: 'unit', runtime: 'node-26', steps: [runtimes] },
  { name: 'interop', project: 'interop', steps: [peers] },
  { name: 'kernel 6.1', project: 'kernel', kernel: '6.1', steps: [guests] },
  { name: 'kernel 6.12', project: 'kernel', kernel: '6.12', steps: [guests] },
  { name: 'kernel 7', project: 'kernel', kernel: '7', steps: [guests] },
];
