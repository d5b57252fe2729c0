import { expect, test, vi } from 'vitest';
import { decrypt } from '../../src/keys.ts';
import { hex } from '../helpers/hex.ts';

// As in Node.js 22.12, the oldest that is supported.
vi.mock('node:zlib', async (original) => ({
  ...(await original<typeof import('node:zlib')>()),
  createZstdDecompress: undefined,
}));

test('a Node.js that cannot open Zstandard says from which version on it can', async () => {
  const { problems } = await decrypt(hex('28b52ffd', '00'.repeat(20)));
  expect(problems).toEqual([
    'this is compressed with Zstandard, which Node.js opens from version 22.15 on: unpack it with unzstd',
  ]);
});
