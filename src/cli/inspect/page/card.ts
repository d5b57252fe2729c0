import { timeInWords } from '../../quantities.ts';
import type { ConnectionView } from '../connection-view.ts';
import { element } from './elements.ts';
import { throughput } from './sparkline.ts';
import { handshakeRow, layerRow, markInWords } from './timeline.ts';

/** Fills the card of a connection; what a reader has opened stays open. */
export function fillCard(card: HTMLElement, view: ConnectionView): void {
  const wasOpen = card.querySelector('details')?.open === true;
  const isOver = view.state === 'closed' || view.state === 'failed';
  card.className = `card ${view.state}${isOver ? ' over' : ''}`;
  card.dataset.id = String(view.id);
  card.replaceChildren(
    head(view),
    element(
      'div',
      { class: 'body' },
      element('div', {}, handshakeRow(view), layerRow(view, 'write'), layerRow(view, 'read'), ...reasons(view)),
      throughput(view),
    ),
    history(view, wasOpen),
  );
}

function head(view: ConnectionView): HTMLElement {
  const { peer, servername, version, suite, group, alpn, resumed, requests } = view;
  const chip = (text: string | null, looks = ''): HTMLElement[] =>
    text === null ? [] : [element('span', { class: `chip ${looks}`.trim() }, text)];
  return element(
    'div',
    { class: 'head' },
    element('span', { class: 'dot' }),
    element('span', { class: 'peer' }, peer),
    ...(servername === null ? [] : [element('span', { class: 'name' }, servername)]),
    element(
      'span',
      { class: 'facts' },
      ...chip(version, 'strong'),
      ...chip(suite?.replace(/^TLS_/, '') ?? null),
      ...chip(group),
      ...chip(alpn),
      ...chip(resumed ? 'resumed' : null),
      ...chip(requests > 0 ? `${requests} request${requests === 1 ? '' : 's'}` : null),
    ),
    element('span', { class: 'state' }, stateInWords(view)),
  );
}

function stateInWords({ state, age, marks }: ConnectionView): string {
  if (state === 'failed') return `failed: ${marks.at(-1)?.text ?? ''}`;
  const words = { handshake: 'handshake', open: 'open', closed: 'closed after' }[state];
  return `${words} ${timeInWords(age)}`;
}

/** Why not the kernel: once, where both ways have the same reason. */
function reasons({ read, write, version }: ConnectionView): HTMLElement[] {
  if (version === null) return [];
  const different = new Set([write.reason, read.reason].filter((reason) => reason !== null));
  return [...different].map((reason) => element('p', { class: 'reason' }, `not the kernel: ${reason}`));
}

function history({ marks, marksLeftOut }: ConnectionView, isOpen: boolean): HTMLElement {
  const rows = marks.map((mark) =>
    element('li', {}, element('time', {}, timeInWords(mark.at)), element('span', {}, markInWords(mark))),
  );
  const count = marks.length + marksLeftOut;
  const summary = `${count} event${count === 1 ? '' : 's'}${marksLeftOut > 0 ? `, the first and the last ${marks.length} kept` : ''}`;
  const details = element('details', {}, element('summary', {}, summary), element('ol', { class: 'marks' }, ...rows));
  details.open = isOpen;
  return details;
}
