import { readFileSync, writeFileSync } from 'node:fs';
import { useTables } from './kernel/use.ts';
import { parts } from './parts.ts';
import { inOrder, joined, type Results } from './results.ts';
import { markdownTable } from './tables.ts';

/** Writes the figures into a document, between the comments `<!-- begin NAME -->` and `<!-- end NAME -->`. */
export function updateDocument(file: URL, results: Results): void {
  let text = readFileSync(file, 'utf8');
  for (const [name, content] of Object.entries(blocks(results))) text = withBlock(text, name, content);
  writeFileSync(file, text);
}

/** Throws where the document has no such place. */
export function withBlock(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the document has no place for ${name}`);
  return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
}

function blocks({ machine, parts: rows, counts }: Results): Record<string, string> {
  const { kernel = [], heap = [], portable = [], ...quick } = rows;
  const chapters = inOrder(quick).map(([name, own]) => {
    const shown = joined([...own, ...portable.filter((row) => own.some(({ name }) => name === row.name))]);
    return `### ${name}: ${parts[name]?.title ?? ''}\n\n${markdownTable(shown)}`;
  });
  return {
    ...(machine && {
      figures: [
        `Node.js ${machine.node}, ${machine.kernel}, ${machine.processor}${share(machine.scale)}.`,
        ...chapters,
      ].join('\n\n'),
    }),
    ...(heap.length > 0 && { heap: markdownTable(heap) }),
    ...(kernel.length > 0 && { kernel: markdownTable(kernel) }),
    ...(counts && { use: useTables(counts) }),
  };
}

function share(scale: number): string {
  return scale < 1 ? `; ${scale} of the work` : '';
}
