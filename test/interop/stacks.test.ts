import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type IdentityFiles, makeIdentityFiles } from './identity-files.ts';
import { stopPrograms } from './program.ts';
import { describeStacks } from './stacks/describe.ts';
import { knownStacks } from './stacks/known.ts';
import { rowsOf } from './stacks/page.ts';

let identity: IdentityFiles;

beforeAll(async () => {
  identity = await makeIdentityFiles();
});
afterEach(stopPrograms);
afterAll(() => identity.remove());

describeStacks(() => ({ identity, ktls: 'off' }));

it('docs/peers.md has what these tests saw', () => {
  const page = readFileSync(new URL('../../docs/peers.md', import.meta.url), 'utf8');
  expect(page.split('\n')).toEqual(expect.arrayContaining(rowsOf(knownStacks)));
});
