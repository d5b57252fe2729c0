import { bytesInWords } from '../../quantities.ts';
import { type ConnectionView, sampleInterval } from '../connection-view.ts';
import { drawing, element } from './elements.ts';

/** Throughput of the last minute, both ways, with what it amounts to. */
export function throughput({ samples, read, write }: ConnectionView): HTMLElement {
  const peak = Math.max(1, ...samples.flat());
  const out = bytesInWords(write.bytes);
  const into = bytesInWords(read.bytes);
  return element(
    'div',
    { class: 'flow' },
    drawing(
      'svg',
      {
        class: 'spark',
        viewBox: `0 0 ${width} ${height}`,
        preserveAspectRatio: 'none',
        role: 'img',
        'aria-label': `Throughput: ${out} out, ${into} in, at most ${rate(peak)}`,
      },
      drawing('line', { class: 'base', x1: '0', x2: String(width), y1: String(height - 1), y2: String(height - 1) }),
      ...['in', 'out'].flatMap((way, index) =>
        curve(
          way,
          samples.map((sample) => (sample[index] ?? 0) / peak),
        ),
      ),
    ),
    element(
      'p',
      { class: 'amounts' },
      element('span', { class: 'out' }, element('b', {}, out), ' out'),
      element('span', { class: 'in' }, element('b', {}, into), ' in'),
      ...(peak > 1 ? [element('span', { class: 'peak' }, `peak ${rate(peak)}`)] : []),
    ),
  );
}

/** Of a number of bytes in the time of one sample. */
export function rate(bytes: number): string {
  return `${bytesInWords((bytes * 1000) / sampleInterval)}/s`;
}

/** The newest at the right end; a young connection has not filled the width yet. */
function curve(way: string, shares: readonly number[]): SVGElement[] {
  if (shares.length === 0) return [];
  const step = width / (Math.max(shares.length, fewest) - 1);
  const left = width - (shares.length - 1) * step;
  const points = shares.map((share, index) => {
    const y = height - 1 - share * (height - 4);
    return `${(left + index * step).toFixed(1)},${y.toFixed(1)}`;
  });
  const area = [`${left.toFixed(1)},${height - 1}`, ...points, `${width},${height - 1}`];
  return [
    drawing('polygon', { class: `area ${way}`, points: area.join(' ') }),
    drawing('polyline', { class: `stroke ${way}`, points: points.join(' ') }),
  ];
}

const width = 320;
const height = 56;
/** Fewer samples than these leave the left end free. */
const fewest = 40;
