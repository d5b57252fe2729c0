import { expect, test } from 'vitest';
import { kernelFaults, kernelRelease } from '../../../src/platform/kernel/kernel-faults.ts';

test.each([
  ['6.1.0-40-amd64', [6, 1, 0]],
  ['6.18.44-fc-v657', [6, 18, 44]],
  ['7.2.7', [7, 2, 7]],
  ['6.17-rc3', [6, 17, 0]],
  ['5.15.0_custom+', [5, 15, 0]],
  ['nonsense', [0, 0, 0]],
])('%s', (text, release) => {
  expect(kernelRelease(text)).toEqual(release);
});

test.each([
  ['6.1.153', ['CVE-2025-39946']],
  ['6.1.154', []],
  ['6.1.148', ['CVE-2025-39946', 'CVE-2025-39682']],
  ['6.6.108', []],
  ['6.12.48', ['CVE-2025-39946']],
  ['6.12.49', []],
  // A stable series that ended before the repair.
  ['6.14.11', ['CVE-2025-39946', 'CVE-2025-39682']],
  ['6.17.0', []],
  ['7.2.7', []],
  ['5.15.100', ['CVE-2024-58239']],
  ['4.19.0', []],
])('faults of %s', (release, references) => {
  expect(kernelFaults(release).map(({ reference }) => reference)).toEqual(references);
});
