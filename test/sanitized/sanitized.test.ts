import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadAddon } from '../../src/platform/addon.ts';

// Without this, a run without AddressSanitizer would look like success.
test('the addon that is loaded is the one with AddressSanitizer', () => {
  expect(loadAddon()).not.toHaveProperty('refused');
  const loaded = readFileSync('/proc/self/maps', 'utf8');
  expect(loaded).toMatch(/build\/asan\/ktls\.node$/m);
  expect(loaded).not.toMatch(/prebuilds\/.*ktls\.node$/m);
  expect(loaded).toMatch(/\/libasan\.so/m);
});
