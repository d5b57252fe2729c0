import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findCycle, importsIn, readSources, withoutText } from './helpers/imports.ts';

/** What each part of src/ may import besides itself; docs/ARCHITECTURE.md says the same. */
const table: Readonly<Record<string, { readonly imports: readonly string[]; readonly node: boolean }>> = {
  errors: { imports: [], node: false },
  protocol: { imports: [], node: false },
  record: { imports: ['protocol'], node: false },
  connection: { imports: ['errors', 'protocol', 'record'], node: false },
  engine: { imports: ['protocol', 'record', 'connection'], node: false },
  'failure.ts': { imports: ['errors', 'connection', 'engine'], node: false },
  observe: { imports: [], node: true },
  pcap: { imports: [], node: false },
  'key-schedule': { imports: ['protocol', 'record'], node: false },
  tickets: { imports: ['errors', 'protocol', 'observe'], node: true },
  keys: { imports: ['errors', 'protocol', 'record', 'key-schedule'], node: true },
  dissect: { imports: ['errors', 'protocol', 'record', 'pcap', 'key-schedule'], node: false },
  browser: { imports: ['protocol', 'pcap', 'dissect'], node: false },
  decrypt: { imports: ['protocol', 'pcap', 'dissect'], node: true },
  platform: { imports: ['errors', 'protocol', 'record', 'connection', 'engine'], node: true },
  tap: { imports: ['connection', 'pcap', 'platform'], node: true },
  context: { imports: ['errors', 'failure.ts', 'protocol', 'connection', 'engine', 'platform'], node: true },
  threads: { imports: ['errors', 'protocol', 'record', 'connection', 'engine', 'platform', 'context'], node: true },
  socket: {
    imports: [
      ...[
        'errors',
        'failure.ts',
        'protocol',
        'record',
        'connection',
        'observe',
        'tickets',
        'key-schedule',
        'keys',
        'platform',
        'tap',
        'context',
        'threads',
      ],
    ],
    node: true,
  },
  credentials: { imports: ['errors', 'socket'], node: true },
  files: { imports: ['errors', 'platform', 'socket', 'tls.ts'], node: true },
  'tls.ts': { imports: ['platform', 'context', 'socket'], node: true },
  metrics: { imports: ['errors', 'observe', 'tls.ts'], node: true },
  'index.ts': { imports: ['errors', 'platform', 'context', 'threads', 'socket', 'tls.ts'], node: false },
  'ech.ts': { imports: ['connection', 'context'], node: false },
  'tickets.ts': { imports: ['tickets'], node: false },
  'credentials.ts': { imports: ['credentials'], node: false },
  'metrics.ts': { imports: ['metrics'], node: false },
  'keys.ts': { imports: ['pcap', 'keys', 'dissect', 'decrypt', 'tap'], node: false },
  adapters: { imports: ['errors', 'observe', 'context', 'socket', 'files', 'tls.ts', 'index.ts'], node: true },
  'https.ts': { imports: ['tls.ts', 'files', 'adapters'], node: true },
  'http2.ts': { imports: ['tls.ts', 'adapters'], node: true },
  'undici.ts': { imports: ['tls.ts', 'adapters'], node: true },
  'register.ts': { imports: ['adapters'], node: true },
  cli: {
    imports: ['observe', 'platform', 'files', 'metrics', 'index.ts', 'https.ts', 'keys.ts', 'ech.ts'],
    node: true,
  },
};

/** Packages of others that are put into what is published: it stands on none at run time. */
const bundled: Readonly<Record<string, RegExp>> = { browser: /^@noble\/(?:ciphers|hashes)\// };

/** Past this a file is two nouns. What keeps files small is the median: no case is ever to be left out for the sake of a number of lines. */
const maxLines = 500;
const medianLines = 120;
const maxFunctionLines = 40;

const root = new URL('../', import.meta.url);
const sources = readSources(fileURLToPath(new URL('src', root)));
const files = [...sources].map(([path, source]) => ({ path, source, part: partOf(path), imports: importsIn(source) }));

describe('the import table', () => {
  test('is the same in docs/ARCHITECTURE.md', () => {
    const page = readFileSync(new URL('docs/ARCHITECTURE.md', root), 'utf8');
    const rows = page.matchAll(/^\| `(?:src\/)?([\w.-]+)\/?` \| ([^|]*) \| (yes|no) \|$/gm);
    const said = [...rows].map(([, part = '', imports = '', node]) => [
      part,
      { imports: [...imports.matchAll(/`([\w.-]+)\/?`/g)].map(([, name]) => name), node: node === 'yes' },
    ]);
    expect(Object.fromEntries(said)).toEqual(table);
  });

  test('has no row that could close a circle', () => {
    const graph = new Map(Object.entries(table).map(([part, { imports }]) => [part, imports]));
    expect(findCycle(graph)).toBeUndefined();
  });

  test('has a row for every part, and a part for every row', () => {
    expect(new Set(files.map(({ part }) => part))).toEqual(new Set(Object.keys(table)));
  });

  test.each(files)('$path', ({ path, part, imports }) => {
    const row = table[part];
    const forbidden = imports.filter((specifier) => {
      if (specifier.startsWith('node:')) return !row?.node;
      const target = resolve(path, specifier);
      if (target === undefined) return !bundled[part]?.test(specifier);
      return partOf(target) !== part && !row?.imports.includes(partOf(target));
    });
    expect(forbidden).toEqual([]);
  });
});

describe('src/', () => {
  test.each(files.filter(({ part }) => table[part]?.node === false))(
    '$path uses nothing that only Node.js has',
    ({ source }) => {
      expect(
        withoutText(source).match(/\b(?:Buffer|process|NodeJS|__dirname|set(?:Timeout|Interval|Immediate))\b/g),
      ).toBeNull();
    },
  );

  test.each(['protocol', 'record', 'connection', 'engine', 'pcap', 'key-schedule', 'dissect', 'browser'])(
    '%s/ knows no node:*, nor by way of others',
    (part) => {
      const from = new Map(files.map(({ path, imports }) => [path, imports]));
      const reached = new Set(files.filter((file) => file.part === part).map(({ path }) => path));
      // A set is gone through with what is added meanwhile.
      for (const path of reached) {
        for (const specifier of from.get(path) ?? []) {
          expect(specifier, `${path} imports it`).not.toMatch(/^node:/);
          const target = resolve(path, specifier);
          if (target !== undefined) reached.add(target);
        }
      }
      expect(reached.size).toBeGreaterThan(1);
    },
  );

  test('no file imports itself by way of others', () => {
    const graph = new Map(
      files.map(({ path, imports }) => [path, imports.flatMap((specifier) => resolve(path, specifier) ?? [])]),
    );
    expect(findCycle(graph)).toBeUndefined();
  });

  test('imports are of files that exist', () => {
    const missing = files.flatMap(({ path, imports }) =>
      imports.map((specifier) => resolve(path, specifier)).filter((target) => target && !sources.has(target)),
    );
    expect(missing).toEqual([]);
  });
});

test('the README names the error codes that there are', () => {
  const codes = (text: string): Set<string> => new Set(text.match(/\bERR_KTLS_[A-Z_]*[A-Z]\b/g));
  expect(codes(readFileSync(new URL('README.md', root), 'utf8'))).toEqual(codes([...sources.values()].join('\n')));
});

test.each(['src', 'test', 'setup', 'native', 'wasm'])(`files in %s/ have fewer than ${maxLines} lines`, (folder) => {
  const texts = readSources(fileURLToPath(new URL(folder, root)), /\.(?:ts|mjs|c|cc|h|sh)$/);
  const long = [...texts].filter(([, text]) => text.trimEnd().split('\n').length >= maxLines).map(([path]) => path);
  expect(long).toEqual([]);
});

test(`half of the files in src/ have fewer than ${medianLines} lines`, () => {
  const lengths = files.map(({ source }) => source.trimEnd().split('\n').length).sort((a, b) => a - b);
  expect(lengths[lengths.length >> 1]).toBeLessThan(medianLines);
});

test.each(files)(`no function in $path has more than ${maxFunctionLines} lines`, ({ source }) => {
  expect(longFunctions(source, maxFunctionLines)).toEqual([]);
});

test('a test that is skipped says why', () => {
  const tests = readSources(fileURLToPath(new URL('test', root)), /\.ts$/);
  const silent = [...tests].filter(([, text]) =>
    /\b(?:test|it|describe)\.(?:skip|skipIf|runIf|todo)\b|\{ (?:skip|todo)\b: /.test(text),
  );
  expect(silent.map(([path]) => path)).toEqual([]);
});

describe('what these tests stand on', () => {
  test('a long function is found', () => {
    const body = Array.from({ length: 5 }, () => '    a();').join('\n');
    const source = `class A {\n  b(): void {\n${body}\n  }\n\n  c(): void {\n    d();\n  }\n}`;
    expect(longFunctions(source, 4)).toEqual(['b(): void {']);
    expect(longFunctions(source, 5)).toEqual([]);
  });

  test('every form of import is seen', () => {
    const source = [
      "import a from 'node:a';",
      "import type { B } from './b.ts';",
      "import {\n  c,\n  type C,\n} from '../c.ts';",
      "import * as d from './d.ts';",
      "import './e.ts';",
      "export { f } from './f.ts';",
      "export * from './g.ts';",
      "export type { H } from './h.ts';",
      "const i = await import('./i.ts');",
      "let j: import('node:j').J;",
      "const k = createRequire(import.meta.url)('x'), l = require('./l.cjs');",
      "const m = process.getBuiltinModule('node:m');",
    ].join('\n');
    const expected = ['node:a', './b.ts', '../c.ts', './d.ts', './e.ts', './f.ts', './g.ts', './h.ts'];
    expect(importsIn(source)).toEqual([...expected, './i.ts', 'node:j', './l.cjs', 'node:m']);
  });

  test('exports, calls, comments and strings are no imports', () => {
    const source = [
      "export const a = Array.from('b');",
      "// import c from 'd'",
      "/*\nimport e from 'f';\nimport('g') */",
      "const url = 'https://h'; import('./i.ts');",
      "export default { j: 'k' };",
    ].join('\n');
    expect(importsIn(source)).toEqual(['./i.ts']);
  });

  test('a circle is found, a diamond is none', () => {
    const diamond = new Map([
      ['a', ['b', 'c']],
      ['b', ['d']],
      ['c', ['d']],
      ['d', []],
    ]);
    expect(findCycle(diamond)).toBeUndefined();
    expect(findCycle(new Map([...diamond, ['d', ['b']]]))).toEqual(['b', 'd', 'b']);
  });

  test('comments and strings are no code', () => {
    expect(withoutText("a('Buffer'); // process\n/* Buffer\n */ b(\"it's\")")).toBe("a(''); \n b('')");
  });
});

/** First lines of functions and methods that are longer, in source as the formatter leaves it. */
function longFunctions(source: string, most: number): string[] {
  const lines = source.split('\n');
  return lines.flatMap((line, start) => {
    const [, indent] = /^( {0,2})(?!import|export (?:const|interface|type))[^ ].*\(.*\{$/.exec(line) ?? [];
    if (indent === undefined) return [];
    const length = lines.slice(start + 1).findIndex((later) => later.startsWith(`${indent}}`));
    return length > most ? [line.trim()] : [];
  });
}

function partOf(path: string): string {
  const [first = ''] = path.split('/');
  return first;
}

/** Path from src/ of what a file imports; undefined for anything outside. */
function resolve(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const base = new URL(path, 'file:///src/');
  const { pathname } = new URL(specifier, base);
  return pathname.startsWith('/src/') ? pathname.slice('/src/'.length) : undefined;
}
