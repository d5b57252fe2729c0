import { release } from 'node:os';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { kernelSupport } from '../../src/platform/kernel/kernel-support.ts';
import { type IdentityFiles, makeIdentityFiles } from '../interop/identity-files.ts';
import { stopPrograms } from '../interop/program.ts';
import { describeStacks } from '../interop/stacks/describe.ts';
import { idle, settled, type TlsStat } from './tls-stat.ts';

let identity: IdentityFiles;
let before: TlsStat;

beforeAll(async () => {
  // So that its connections are not counted.
  expect(kernelSupport().refused).toBe(undefined);
  identity = await makeIdentityFiles();
  before = await idle();
});
afterEach(stopPrograms);
afterAll(() => identity.remove());

// Seen on the guests with Linux 6.1 and 6.12: the program runs, and never says its port.
const isOld = Number.parseInt(release(), 10) < 7;
describeStacks(
  () => ({ identity, ktls: 'prefer' }),
  (name) => name.startsWith('Haskell') && isOld && 'programs of Haskell do not come to start on this guest',
);

it('the kernel carried them', async () => {
  const { TlsTxSw = 0, ...others } = await settled(before);
  expect(TlsTxSw).toBeGreaterThan(0);
  expect(others.TlsDecryptError).toBeUndefined();
});
