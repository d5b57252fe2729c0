import { bytesInWords } from '../../quantities.ts';
import type { ConnectionView, Totals } from '../connection-view.ts';
import { element } from './elements.ts';
import { rate } from './sparkline.ts';

/** Tiles with what all connections amount to. */
export function overview(totals: Totals, views: readonly ConnectionView[]): HTMLElement[] {
  const open = views.filter(({ state }) => state === 'open');
  const sum = (index: 0 | 1): number => open.reduce((total, { samples }) => total + (samples.at(-1)?.[index] ?? 0), 0);
  const directions = open.flatMap(({ read, write }) => [read, write]);
  const inKernel = directions.filter(({ layer }) => layer === 'kernel').length;
  const share = directions.length > 0 ? `${Math.round((100 * inKernel) / directions.length)} %` : '–';
  return [
    tile('Live connections', String(totals.live), `${totals.connections} since the start`),
    tile('Sending', rate(sum(1)), `${bytesInWords(totals.written)} in all`),
    tile('Receiving', rate(sum(0)), `${bytesInWords(totals.read)} in all`),
    tile('Carried by the kernel', share, `${inKernel} of ${directions.length} live directions`),
  ];
}

function tile(title: string, value: string, remark: string): HTMLElement {
  return element(
    'div',
    { class: 'tile' },
    element('h2', {}, title),
    element('p', {}, value),
    element('small', {}, remark),
  );
}
