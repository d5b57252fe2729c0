import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { versions } from '../../src/platform/versions.ts';

const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

// The module may be of a build before the lock was changed.
test('OpenSSL is the release that wasm/openssl.lock names', () => {
  expect(text('wasm/openssl.lock')).toContain(`version=${versions.openssl}\n`);
});

test('the version of the library is that of the package', () => {
  expect(JSON.parse(text('package.json')).version).toBe(versions.ktls);
});
