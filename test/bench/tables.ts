import type { Column } from '../../src/cli/report.ts';
import { baseline, type Goal, meetsGoal, type Row, type Spread, type Subject } from './measure.ts';

export const columns: readonly Column[] = [
  { title: '', width: 44 },
  { title: '', width: 11 },
  { title: 'median', width: 8, align: 'right' },
  { title: 'min–max', width: 15, align: 'right' },
  { title: 'unit', width: 8 },
  { title: 'ratio', width: 5, align: 'right' },
  { title: 'min–max', width: 10, align: 'right' },
  { title: 'CPU', width: 5, align: 'right' },
  { title: 'thread', width: 6, align: 'right' },
  { title: 'goal', width: 9 },
];

/** A line for each contender; the row's name stands before the first. */
export function lines(row: Row): string[][] {
  return row.subjects.map((subject, index) => [index === 0 ? row.name : '', ...cells(row, subject)]);
}

/** A table in Markdown, a line for each row: what the layers reach, then node:tls and plain TCP in figures. */
export function markdownTable(rows: readonly Row[]): string {
  const head = ['', 'layer', 'median', 'min–max', '× node:tls', 'min–max', 'by CPU time', 'by thread time', 'goal'];
  const body = rows.flatMap((row) =>
    row.subjects.map((subject, index) => {
      const [contender = '', median = '', range = '', unit = '', ...rest] = cells(row, subject);
      return [index === 0 ? row.name : '', contender, `${median} ${unit}`, range, ...rest];
    }),
  );
  return table([head, ...body]);
}

/** `rows`: the head first. All columns but the first two hold numbers. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const rule = head.map((_, column) => (column < 2 ? '---' : '---:'));
  return [head, rule, ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Three digits that say something. */
export function figure(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function cells(row: Row, subject: Subject): string[] {
  const { contender, figure: figures, ratio, processorRatio, threadRatio, goal } = subject;
  const range = (spread: Spread | undefined): string =>
    spread && spread.least !== spread.most ? `${figure(spread.least)}–${figure(spread.most)}` : '';
  const middle = (spread: Spread | undefined): string => (spread ? figure(spread.median) : '');
  return [
    contender,
    figure(figures.median),
    range(figures),
    row.unit,
    contender === baseline ? '' : middle(ratio),
    range(ratio),
    middle(processorRatio),
    middle(threadRatio),
    goal ? `${aim(row, goal)} ${meetsGoal(row, subject) ? '✓' : '✗'}` : '',
  ];
}

function aim({ better }: Row, goal: Goal): string {
  const sign = better === 'more' ? '≥' : '≤';
  return 'ratio' in goal ? `${sign} ${goal.ratio} ×` : `${sign} ${goal.figure}`;
}
