// The jobs of npm test: each is a run of Vitest, or of programs of its own (`run`), on what its steps set up.
import { echPeers } from '../steps/ech-peers.mjs';
import { arm64Packages, windowsPackages } from '../steps/foreign-packages.mjs';
import { guests } from '../steps/guests.mjs';
import { installed } from '../steps/installed.mjs';
import { nativeArm64, nativeWindows } from '../steps/native.mjs';
import { peers } from '../steps/peers.mjs';
import { runtimes } from '../steps/runtimes.mjs';
import { fuzzers, sanitized } from '../steps/sanitized.mjs';
import { stacks } from '../steps/stacks.mjs';
import { wine } from '../steps/wine.mjs';
import { runFuzz, runNativeFuzz } from './fuzz.mjs';
import { runSoak } from './soak.mjs';

// `tests`: which of the files in test/ are a job's own, by their paths; `repeats`: it runs another job's on something else; `isForeign`: what it runs
// on, or against, is other people's and has races of its own (foreign-failures.mjs).
const folders = ['interop', 'applications', 'fleet', 'kernel', 'package', 'windows', 'sanitized'];
const within =
  (...names) =>
  (path) =>
    names.some((name) => path.startsWith(`test/${name}/`));
const isUnit = (path) => !within(...folders)(path);

const onWindows = [runtimes, wine, windowsPackages, nativeWindows, installed];

// By Node.js's version, with the addon and without: what does without it is what other systems have.
const windowsJobs = (version) => {
  const windows = `windows-node-${version}`;
  const on = { windows, isForeign: true, steps: onWindows };
  return [
    { ...on, name: `Windows, Node.js ${version}`, project: 'windows', tests: within('windows') },
    { ...on, name: `Windows, Node.js ${version}, no addon`, project: 'windows, no addon', repeats: true },
    { ...on, name: `Windows, Node.js ${version}, unit`, project: 'windows unit', repeats: true },
    { ...on, name: `Windows, Node.js ${version}, unit, no addon`, project: 'windows unit, no addon', repeats: true },
  ];
};

export const WINDOWS_JOBS = ['22', '24', '26'].flatMap(windowsJobs);

export const JOBS = [
  { name: 'unit', project: 'unit', tests: isUnit },
  { name: 'unit, Node.js 22', project: 'unit', repeats: true, runtime: 'node-22', steps: [runtimes] },
  { name: 'unit, Node.js 26', project: 'unit', repeats: true, runtime: 'node-26', steps: [runtimes] },
  {
    name: 'addon, AddressSanitizer',
    project: 'sanitized',
    isSanitized: true,
    tests: within('sanitized'),
    steps: [sanitized],
  },
  { name: 'fuzz', run: runFuzz },
  { name: 'fuzz, native', run: runNativeFuzz, steps: [fuzzers] },
  { name: 'soak', run: runSoak },
  { name: 'package', project: 'package', tests: within('package'), steps: [nativeArm64, nativeWindows, runtimes] },
  {
    name: 'arm64',
    project: 'arm64',
    repeats: true,
    arm64: 'arm64-node-24',
    isForeign: true,
    steps: [nativeArm64, runtimes, arm64Packages],
  },
  // The same with all handshakes in threads of their own.
  { name: 'handshake threads', project: 'threads', repeats: true },
  { name: 'OpenSSL 4.0', project: 'OpenSSL 4.0', repeats: true },
  {
    name: 'OpenSSL 4.0, interop',
    project: 'OpenSSL 4.0, interop',
    isForeign: true,
    repeats: true,
    steps: [peers, stacks],
  },
  {
    name: 'interop',
    project: 'interop',
    isForeign: true,
    tests: within('interop', 'applications'),
    steps: [peers, echPeers, stacks],
  },
  { name: 'fleet', project: 'fleet', isForeign: true, tests: within('fleet'), steps: [peers] },
  {
    name: 'kernel 6.1',
    project: 'kernel',
    isForeign: true,
    kernel: '6.1',
    tests: within('kernel'),
    steps: [guests, peers, stacks],
  },
  {
    name: 'kernel 6.12',
    project: 'kernel',
    isForeign: true,
    kernel: '6.12',
    tests: within('kernel'),
    steps: [guests, peers, stacks],
  },
  {
    name: 'kernel 7',
    project: 'kernel',
    isForeign: true,
    kernel: '7',
    tests: within('kernel'),
    steps: [guests, peers, stacks],
  },
  // The unit tests on one version; the rest is `npm run test:windows`'s, since they take minutes each.
  ...WINDOWS_JOBS.filter(({ project, windows }) => !project.includes('unit') || windows === 'windows-node-24'),
];
