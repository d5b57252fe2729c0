import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadAddon } from '../../src/platform/addon/addon.ts';

// Without this, a run without AddressSanitizer would look like success.
test('the addon that is loaded is the one with AddressSanitizer', () => {
  expect(loadAddon()).not.toHaveProperty('refused');
  const loaded = readFileSync('/proc/self/maps', 'utf8');
  expect(loaded).toMatch(/build\/asan\/ktls\.node$/m);
  expect(loaded).not.toMatch(/prebuilds\/.*ktls\.node$/m);
  expect(loaded).toMatch(/\/libasan\.so/m);
  // The library is loaded for any addon; this one was made to call it.
  const addon = readFileSync(new URL('../../build/asan/ktls.node', import.meta.url), 'latin1');
  expect(addon).toMatch(/__asan_report_load/);
  expect(addon).toMatch(/__ubsan_handle_/);
});
