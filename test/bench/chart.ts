import { baseline, type Row, type Spread, type Subject } from './measure.ts';
import { inOrder, joined, type Results } from './results.ts';

/** An SVG of all ratios to node:tls, readable on white and on black. */
export function chart({ parts }: Results): string {
  const rows = joined(inOrder(parts).flatMap(([, own]) => own)).filter(({ subjects }) =>
    subjects.some(({ ratio }) => ratio),
  );
  const panels = [
    {
      title: 'Throughput and rates by node:tls’s: more is better',
      rows: rows.filter(({ better }) => better === 'more'),
    },
    {
      title: 'Time, memory and instructions by node:tls’s: less is better',
      rows: rows.filter(({ better }) => better === 'less'),
    },
  ].filter((panel) => panel.rows.length > 0);
  let y = legendHeight;
  const bodies = panels.map(({ title, rows }) => {
    const body = panel(title, rows, y);
    y += panelHeight(rows);
    return body;
  });
  const names = Object.keys(styles).filter((name) =>
    rows.some((row) => row.subjects.some((one) => one.contender === name)),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img">`,
    '<title>Ratios to node:tls</title>',
    `<style>${css}</style>`,
    ...names.map((name, index) => legend(name, left + index * 100)),
    text(left + names.length * 100, 18, 'goal', 'small', 'start'),
    `<path class="goal" d="M${left + names.length * 100 - 6} 8v12"/>`,
    ...bodies.flat(),
    '</svg>\n',
  ].join('\n');
}

function panel(title: string, rows: readonly Row[], top: number): string[] {
  const bottom = top + headHeight + rows.length * rowHeight;
  return [
    text(8, top + 20, title, 'strong', 'start'),
    ...ticks.map(
      (tick) => `<path class="${tick === 1 ? 'one' : 'grid'}" d="M${place(tick)} ${top + headHeight}V${bottom}"/>`,
    ),
    ...ticks.map((tick) => text(place(tick), bottom + 14, `${tick}×`, 'small', 'middle')),
    ...rows.flatMap((row, index) => line(row, top + headHeight + (index + 0.5) * rowHeight)),
  ];
}

function line({ name, subjects }: Row, y: number): string[] {
  const order = Object.keys(styles);
  const shown = subjects
    .filter(({ contender, ratio }) => contender !== baseline && ratio)
    .toSorted((a, b) => order.indexOf(a.contender) - order.indexOf(b.contender));
  const first = shown.find(({ goal }) => goal) ?? shown[0];
  return [
    text(left - 12, y + 4, name, 'name', 'end'),
    ...shown.toReversed().flatMap((subject) => mark(subject, y)),
    ...(first?.ratio
      ? [text(width - 8, y + 4, `${first.contender} ${first.ratio.median.toFixed(2)}×`, 'small', 'end')]
      : []),
  ];
}

function mark({ contender, ratio, goal }: Subject, y: number): string[] {
  if (!ratio) return [];
  const style = styles[contender] ?? 'tcp';
  const { least, median, most }: Spread = ratio;
  return [
    `<g class="${style}"><title>${escaped(contender)}: ${median.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})</title>`,
    `<path class="range" d="M${place(least)} ${y}H${place(most)}"/>`,
    `<circle cx="${place(median)}" cy="${y}" r="4.5"/></g>`,
    ...(goal && 'ratio' in goal ? [`<path class="goal ${style}" d="M${place(goal.ratio)} ${y - 7}v14"/>`] : []),
  ];
}

function legend(contender: string, x: number): string {
  return `<g class="${styles[contender]}"><circle cx="${x}" cy="14" r="4.5"/></g>${text(x + 9, 18, contender, 'small', 'start')}`;
}

/** A place on a logarithmic axis, on which half and double are as far from one. */
function place(ratio: number): number {
  const [least = 0, most = 1] = [ticks[0], ticks.at(-1)];
  const share = Math.log(Math.min(most, Math.max(least, ratio)) / least) / Math.log(most / least);
  return Math.round((left + share * (right - left)) * 10) / 10;
}

function panelHeight(rows: readonly Row[]): number {
  return headHeight + rows.length * rowHeight + 32;
}

function text(x: number, y: number, content: string, kind: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x}" y="${y}" class="${kind}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** By contender, in the order of the legend. */
const styles: Readonly<Record<string, string>> = {
  native: 'native',
  'one thread': 'first',
  'two threads': 'second',
  kernel: 'kernel',
  'node:crypto': 'crypto',
  wasm: 'wasm',
  tcp: 'tcp',
};

const ticks = [0.125, 0.25, 0.5, 1, 2, 4, 8];
const [width, left, right] = [960, 350, 840];
const [legendHeight, headHeight, rowHeight] = [28, 32, 22];

const css = [
  'text{font:12px system-ui,sans-serif;fill:#1f2328}.strong{font-weight:600;font-size:13px}.small{font-size:11px;fill:#59636e}',
  '.grid,.one{stroke:#d1d9e0}.one{stroke:#59636e;stroke-width:1.5}.goal{stroke:#1f2328;stroke-width:2.5}',
  '.range{stroke-width:2;stroke-opacity:.55}',
  ...[
    ['native', '#0969da'],
    ['first', '#bf3989'],
    ['second', '#cf222e'],
    ['kernel', '#1a7f37'],
    ['crypto', '#9a6700'],
    ['wasm', '#8250df'],
    ['tcp', '#818b98'],
  ].map(([name, colour]) => `.${name} circle{fill:${colour}}.${name} .range,.goal.${name}{stroke:${colour}}`),
  '@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.grid{stroke:#3d444d}.one{stroke:#9198a1}.goal{stroke:#f0f6fc}',
  ...[
    ['native', '#4493f8'],
    ['first', '#db61a2'],
    ['second', '#f85149'],
    ['kernel', '#3fb950'],
    ['crypto', '#d29922'],
    ['wasm', '#ab7df8'],
    ['tcp', '#9198a1'],
  ].map(([name, colour]) => `.${name} circle{fill:${colour}}.${name} .range,.goal.${name}{stroke:${colour}}`),
  '}',
].join('');
