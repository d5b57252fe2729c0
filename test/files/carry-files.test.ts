import { ReadStream } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { carryFiles } from '../../src/adapters/carry-files.ts';

const original = ReadStream.prototype._read;
beforeEach(() => {
  ReadStream.prototype._read = original;
});
afterEach(() => {
  ReadStream.prototype._read = original;
});

test('KTLS_FILES=off leaves file streams as they are; all, or nothing, does not', () => {
  carryFiles('off', undefined);
  carryFiles(' OFF ', undefined);
  expect(ReadStream.prototype._read).toBe(original);
  for (const word of [undefined, '', 'all']) {
    ReadStream.prototype._read = original;
    carryFiles(word, undefined);
    expect(ReadStream.prototype._read).not.toBe(original);
  }
});

test('a word that is none is an error, and leaves file streams as they are', () => {
  const code = expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' });
  expect(() => carryFiles('on', undefined)).toThrow(code);
  expect(ReadStream.prototype._read).toBe(original);
});
