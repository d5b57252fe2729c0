import type { Row, Spread } from './measure.ts';
import { escaped, styles, text } from './svg.ts';

/** A curve for each of the contenders: figures by what there was more and more of. */
export interface Curves {
  readonly title: string;
  readonly axis: string;
  readonly lines: readonly Line[];
}

interface Line {
  readonly contender: string;
  readonly points: readonly { readonly at: number; readonly figure: Spread }[];
}

/** Of all rows that are points of one. */
export function curvesOf(rows: readonly Row[]): Curves[] {
  const titles = new Set(rows.flatMap(({ point }) => point?.of ?? []));
  return [...titles].map((title) => {
    const own = rows.filter(({ point }) => point?.of === title);
    const contenders = new Set(own.flatMap(({ subjects }) => subjects.map(({ contender }) => contender)));
    return {
      title: `${title}, ${own[0]?.unit}`,
      axis: own[0]?.point?.by ?? '',
      lines: [...contenders].map((contender) => ({ contender, points: pointsOf(own, contender) })),
    };
  });
}

function pointsOf(rows: readonly Row[], contender: string): Line['points'] {
  return rows
    .flatMap(({ point, subjects }) => {
      const subject = subjects.find((one) => one.contender === contender);
      return point && subject ? [{ at: point.at, figure: subject.figure }] : [];
    })
    .toSorted((a, b) => a.at - b.at);
}

/** Two beside each other, under `top`; both axes begin with nothing. */
export function drawCurves(all: readonly Curves[], top: number): string[] {
  return all.flatMap((curves, index) =>
    drawOne(curves, { x: 60 + (index % 2) * 470, y: top + Math.floor(index / 2) * rowHeight }),
  );
}

export function curvesHeight(all: readonly Curves[]): number {
  return Math.ceil(all.length / 2) * rowHeight;
}

function drawOne({ title, axis, lines }: Curves, { x: left, y: top }: Corner): string[] {
  const points = lines.flatMap((line) => line.points);
  const bottom = top + headHeight + plot.height;
  const [most, widest] = [roundUp(Math.max(...points.map(({ figure }) => figure.most))), widestOf(points)];
  const x = (at: number): number => rounded(left + (at / widest) * plot.width);
  const y = (figure: number): number => rounded(bottom - (figure / most) * plot.height);
  const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => share * most);
  return [
    text(left - 52, top + 20, title, 'strong', 'start'),
    ...steps.map((step) => `<path class="grid" d="M${left} ${y(step)}h${plot.width}"/>`),
    ...steps.map((step) => text(left - 8, y(step) + 4, step.toLocaleString('en'), 'small', 'end')),
    ...[...new Set(points.map(({ at }) => at))].map((at) => text(x(at), bottom + 16, `${at}`, 'small', 'middle')),
    text(left + plot.width, bottom + 32, axis, 'small', 'end'),
    ...lines.flatMap((line) => drawLine(line, x, y)),
  ];
}

function drawLine({ contender, points }: Line, x: Scale, y: Scale): string[] {
  const corners = points.map(({ at, figure }) => `${x(at)} ${y(figure.median)}`);
  return [
    `<g class="${styles[contender] ?? 'tcp'}"><title>${escaped(contender)}</title>`,
    `<path class="curve" d="M${corners.join('L')}"/>`,
    ...points.flatMap(({ at, figure }) => [
      `<path class="range" d="M${x(at)} ${y(figure.least)}V${y(figure.most)}"/>`,
      `<circle cx="${x(at)}" cy="${y(figure.median)}" r="4"/>`,
    ]),
    '</g>',
  ];
}

interface Corner {
  readonly x: number;
  readonly y: number;
}

type Scale = (value: number) => number;

function widestOf(points: Line['points']): number {
  return Math.max(...points.map(({ at }) => at)) || 1;
}

/** To 1, 2, 4, 6 or 8 of its power of ten, which quarters of it are read easily of. */
function roundUp(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 4, 6, 8].find((digit) => digit * power >= most) ?? 10) * power;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

const plot = { width: 400, height: 200 };
const [headHeight, rowHeight] = [36, 290];
