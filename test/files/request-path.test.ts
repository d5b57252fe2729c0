import { join, relative, sep } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodePath, pathSegments } from '../../src/files/request-path.ts';

describe('the path of a request', () => {
  test.each<[string, readonly string[]]>([
    ['/', ['']],
    ['', []],
    ['/a', ['a']],
    ['/a/b.txt', ['a', 'b.txt']],
    ['/a/', ['a', '']],
    ['/a%20b?c=d', ['a b']],
    ['/%E2%82%AC', ['€']],
    ['https://localhost:8443/a', ['a']],
    ['HTTP://[::1]', []],
    ['/...', ['...']],
  ])('%s', (target, segments) => {
    expect(pathSegments(target)).toEqual(segments);
  });

  test.each([
    '/..',
    '/../a',
    '/a/../b',
    '/./a',
    '/%2e%2e/a',
    '/.%2E/a',
    '/a%2fb',
    '/a%5c..%5cb',
    '/a\\b',
    '/a%00',
    '/%',
    '/%zz',
    '/a/%ff',
    '//a',
    '/a//b',
    '*',
    'a',
    '/c:/windows',
    'file:///etc/passwd',
  ])('%s names nothing', (target) => {
    expect(pathSegments(target)).toBeUndefined();
  });

  test('never leaves its folder', () => {
    const part = fc.oneof(
      fc.constantFrom('..', '.', '%2e', '%2E%2e', '%2f', '/', '\\', '%5c', '%00', 'a', '%', 'c:', '?', '#', '//'),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const segments = pathSegments(`/${parts.join('')}`) ?? [];
        const within = relative('/root', join('/root', ...segments)).split(sep);
        expect(within).not.toContain('..');
        for (const segment of segments) expect(segment).not.toMatch(/[/\\\0]/);
      }),
      { numRuns: 2000 },
    );
  });

  test('what is encoded is read as the same', () => {
    const name = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !/^\.\.?$|[/\\\0:]/.test(text));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), (names) => {
        expect(pathSegments(encodePath(names))).toEqual(names);
      }),
    );
  });
});
