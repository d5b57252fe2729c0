import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** What a file imports, as written. */
export function importsIn(source: string): string[] {
  const code = withoutComments(source);
  const found = [...code.matchAll(statement), ...code.matchAll(dynamic)];
  return found.flatMap(({ groups }) => groups?.specifier ?? []);
}

/** All files below a folder whose name `name` matches, by their path from there. */
export function readSources(folder: string, name: RegExp = /\.ts$/): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.sort().map((file) => [relative(folder, file).replaceAll(sep, '/'), readFileSync(file, 'utf8')]));
}

/** One way around that leads back to where it began, or undefined. */
export function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] | undefined => {
    const start = path.indexOf(node);
    if (start >= 0) return [...path.slice(start), node];
    if (done.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...path, node]);
      if (cycle) return cycle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node, []);
    if (cycle) return cycle;
  }
  return undefined;
}

/** Code without comments. Strings are seen, so that `//` in one is no comment; quotes in regular expressions may mislead it. */
function withoutComments(source: string): string {
  return source.replaceAll(commentOrString, (text) => (text.startsWith('/') ? '' : text));
}

/** Code with neither comments nor what is in strings. */
export function withoutText(source: string): string {
  return source.replaceAll(commentOrString, (text) => (text.startsWith('/') ? '' : "''"));
}

/** `import … from '…'`, `export … from '…'` and `import '…'`; the formatter puts statements at the start of a line. */
const statement = /^(?:import|export)\b(?:[^;'"]*\bfrom)?\s*(['"])(?<specifier>[^'"\n]+)\1/gm;

/** `import('…')`, also as a type, `require('…')`, `getBuiltinModule('…')`. */
const dynamic = /\b(?:import|require|getBuiltinModule)\s*\(\s*(['"`])(?<specifier>[^'"`\n]+)\1/g;

const commentOrString = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g;
