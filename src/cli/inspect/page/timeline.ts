import { timeInWords } from '../../quantities.ts';
import type { ConnectionView, Mark } from '../connection-view.ts';
import { element, placed } from './elements.ts';

/** The handshake on a scale of its own: from the TCP connection to the first that may send data. */
export function handshakeRow({ marks, age, state }: ConnectionView): HTMLElement {
  const done = marks.find(({ kind }) => kind === 'secure');
  const end = done?.at ?? age;
  const scale = Math.max(
    end,
    ...marks
      .filter(isHandover)
      .slice(0, 2)
      .map(({ at }) => at),
    0.001,
  );
  const shown = marks.filter((mark) => mark.kind === 'secure' || (isHandover(mark) && mark.at <= scale));
  const track = element(
    'div',
    { class: 'track phases', role: 'img', 'aria-label': `Handshake: ${timeInWords(end)}` },
    element('div', { class: 'bars' }, placed(element('div', { class: 'segment' }), 0, end / scale)),
    ...shown.map((mark) => tick(mark, scale)),
  );
  const said = done ? timeInWords(done.at) : state === 'handshake' ? 'under way' : 'not finished';
  return row('handshake', track, said);
}

/** Who has carried one way's records, over the whole life, with handovers, new keys and requests. */
export function layerRow(view: ConnectionView, direction: 'read' | 'write'): HTMLElement {
  const { layer, epoch } = view[direction];
  const scale = Math.max(view.age, 0.001);
  const changes = view.marks.filter((mark) => isHandover(mark) && mark.direction === direction);
  const segments = [{ at: 0, to: 'wasm' }, ...changes.map(({ at, text }) => ({ at, to: text.split(' → ')[1] ?? '' }))];
  const bars = segments.map(({ at, to }, index) => {
    const until = segments[index + 1]?.at ?? scale;
    return placed(element('div', { class: `segment ${to}` }), at / scale, (until - at) / scale);
  });
  const ticks = view.marks.filter(
    (mark) =>
      (mark.kind === 'keys' && mark.direction === direction) || (mark.kind === 'request' && direction === 'read'),
  );
  const track = element(
    'div',
    {
      class: 'track',
      role: 'img',
      'aria-label': `${titles[direction]}: ${segments.map(({ to }) => to).join(', then ')}`,
    },
    element('div', { class: 'bars' }, ...bars),
    ...ticks.map((mark) => tick(mark, scale)),
  );
  const epochs = epoch === null || epoch === 0 ? [] : [` · epoch ${epoch}`];
  return row(titles[direction], track, element('b', { class: layer }, layer), ...epochs);
}

function row(title: string, track: HTMLElement, ...said: readonly (Node | string)[]): HTMLElement {
  return element('div', { class: 'row' }, element('span', {}, title), track, element('span', {}, ...said));
}

function tick(mark: Mark, scale: number): HTMLElement {
  const looks = mark.kind === 'layer' ? (mark.text.split(' → ')[1] ?? '') : mark.kind === 'keys' ? 'epoch' : mark.kind;
  const title = `${timeInWords(mark.at)}: ${markInWords(mark)}`;
  return placed(element('div', { class: `tick ${looks}`, title }), mark.at / scale);
}

/** Which way, and what. */
export function markInWords({ direction, text }: Mark): string {
  return direction === undefined ? text : `${titles[direction]}: ${text}`;
}

function isHandover({ kind }: Mark): boolean {
  return kind === 'layer';
}

const titles = { read: 'receives', write: 'sends' } as const;
