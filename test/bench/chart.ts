import { curvesHeight, curvesOf, drawCurves } from './curves.ts';
import { baseline, type Row, type Spread, type Subject } from './measure.ts';
import { inOrder, joined, type Results } from './results.ts';
import { css, escaped, styles, text } from './svg.ts';

/** An SVG of all ratios to node:tls, and of the curves, readable on white and on black. */
export function chart({ parts }: Results): string {
  const all = joined(inOrder(parts).flatMap(([, own]) => own));
  const curves = curvesOf(all);
  const rows = all.filter(({ subjects, point }) => !point && subjects.some(({ ratio }) => ratio));
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
  const height = y + curvesHeight(curves);
  const names = Object.keys(styles).filter(
    (name) =>
      (name === baseline ? curves : rows).length > 0 &&
      all.some((row) => row.subjects.some((one) => one.contender === name)),
  );
  const legends = (width - 120) / (names.length + 1);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    '<title>Ratios to node:tls</title>',
    `<style>${css}</style>`,
    ...names.map((name, index) => legend(name, 60 + index * legends)),
    text(60 + names.length * legends, 18, 'goal', 'small', 'start'),
    `<path class="goal" d="M${54 + names.length * legends} 8v12"/>`,
    ...bodies.flat(),
    ...drawCurves(curves, y),
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

const ticks = [0.125, 0.25, 0.5, 1, 2, 4, 8];
const [width, left, right] = [960, 370, 840];
const [legendHeight, headHeight, rowHeight] = [28, 32, 22];
