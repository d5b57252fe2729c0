import type { ConnectionView, Snapshot } from '../connection-view.ts';
import { fillCard } from './card.ts';
import { element } from './elements.ts';
import { overview } from './overview.ts';

/** Runs in the browser: shows what the server tells, as it comes. */
const views = new Map<number, ConnectionView>();
const cards = new Map<number, HTMLElement>();

const source = new EventSource('/events');
source.onopen = () => {
  // Everything is told anew.
  views.clear();
  for (const card of cards.values()) card.remove();
  cards.clear();
  tellLink('live', 'live');
};
source.onerror = () => tellLink('lost', 'no connection to the server, trying again');
source.onmessage = ({ data }: MessageEvent<string>) => {
  const snapshot: Snapshot = JSON.parse(data);
  place('serves').textContent = snapshot.serves;
  for (const view of snapshot.connections) show(view);
  forgetOldest();
  place('empty').hidden = cards.size > 0;
  place('overview').replaceChildren(...overview(snapshot.totals, [...views.values()]));
};

function show(view: ConnectionView): void {
  views.set(view.id, view);
  const card = cards.get(view.id) ?? addCard(view.id);
  fillCard(card, view);
}

/** The newest comes first. */
function addCard(id: number): HTMLElement {
  const card = element('article');
  cards.set(id, card);
  const next = [...cards.keys()].filter((other) => other < id).sort((a, b) => b - a)[0];
  const before = next === undefined ? undefined : cards.get(next);
  if (before) before.before(card);
  else place('connections').append(card);
  return card;
}

/** Those that are over go first. */
function forgetOldest(): void {
  const byAge = [...views.values()].sort((a, b) => a.id - b.id);
  const over = byAge.filter(({ state }) => state === 'closed' || state === 'failed');
  for (const { id } of [...over, ...byAge].slice(0, Math.max(0, views.size - mostCards))) {
    views.delete(id);
    cards.get(id)?.remove();
    cards.delete(id);
  }
}

function tellLink(looks: string, text: string): void {
  const link = place('link');
  link.className = `link ${looks}`;
  link.textContent = text;
}

function place(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

const mostCards = 200;
