import type { ConversationFacts, DecryptionEvent } from '../conversation.ts';
import { conversationCard } from './conversation-card.ts';
import { bytesText, countText, durationText } from './figures.ts';
import { escapeHtml } from './html.ts';
import { pageStyle } from './page-style.ts';
import { ShownConversation } from './shown-conversation.ts';

/**
 * One HTML page that shows the conversations of a capture. It has all it needs within it, and no script at all; its policy forbids any, and
 * everything from elsewhere. What it keeps of a large capture are beginnings, and it says so.
 */
export class CapturePage {
  readonly #conversations = new Map<Readonly<ConversationFacts>, ShownConversation>();
  readonly #problems: string[] = [];
  #room = maxShownBytes;
  #records = 0;

  push(event: DecryptionEvent): void {
    if (event.kind === 'unused') return;
    if (event.kind === 'captureProblem') {
      this.#problems.push(event.reason);
      return;
    }
    const known = this.#conversations.get(event.conversation);
    if (known === undefined && this.#conversations.size >= maxConversations) return;
    const shown = known ?? new ShownConversation(event.conversation);
    this.#conversations.set(event.conversation, shown);
    if (event.kind === 'problem') shown.problems.push(event.problem);
    if (event.kind !== 'record') return;
    const isShown = this.#records < maxRecords;
    if (isShown) this.#records++;
    this.#room -= shown.add(event.record, isShown ? Math.min(this.#room, maxRecordBytes) : undefined);
  }

  /** The page. `title` is what it is of, the file's name for one. */
  html(title: string): string {
    const all = [...this.#conversations.values()];
    // A record that had to wait for the other direction's hello comes behind what is younger.
    for (const { records } of all) records.sort((one, other) => Number(one.time - other.time));
    const problems = this.#problems.map((reason) => `<p class="problem">${escapeHtml(reason)}</p>`).join('');
    const isShort = all.length <= openConversations;
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} – ktls decrypt</title>
<style>${pageStyle}</style>
</head>
<body>
<header class="top"><span class="mark"></span><h1>ktls <b>decrypt</b></h1><p class="file">${escapeHtml(title)}</p></header>
<main>
<section class="overview">${tiles(all)}</section>
${problems}
<form class="controls">
<fieldset><legend>contents as</legend><label><input type="radio" name="view" id="as-text" checked>text</label><label><input type="radio" name="view" id="as-hex">hex</label></fieldset>
<fieldset><legend>records</legend><label><input type="checkbox" id="show-handshake" checked><i class="swatch handshake"></i>handshake</label><label><input type="checkbox" id="show-data" checked><i class="swatch data"></i>application data</label><label><input type="checkbox" id="show-other" checked><i class="swatch other"></i>alerts and others</label><label><input type="checkbox" id="show-closed" checked><i class="swatch closed"></i>not opened</label></fieldset>
</form>
${all.map((conversation) => conversationCard(conversation, isShort)).join('\n')}
${all.length === 0 ? '<p class="empty">No TLS connections were found in this capture.</p>' : ''}
</main>
<footer>Whoever has this page has what was transferred. Secrets of the connections are not in it.</footer>
</body>
</html>
`;
  }
}

function tiles(all: readonly ShownConversation[]): string {
  const sum = (amount: (conversation: ShownConversation) => number): number =>
    all.reduce((total, conversation) => total + amount(conversation), 0);
  const records = sum(({ recordCount }) => recordCount);
  const closed = sum(({ closedCount }) => closedCount);
  const updates = sum(({ facts, lastEpoch }) =>
    facts.version === 'TLSv1.3' ? lastEpoch.client + lastEpoch.server : 0,
  );
  const earliest = all.reduce(
    (time, { facts }) => (facts.startTime < time ? facts.startTime : time),
    all[0]?.facts.startTime ?? 0n,
  );
  const latest = all.reduce((time, { facts }) => (facts.endTime > time ? facts.endTime : time), earliest);
  const versions = [...new Set(all.map(({ facts }) => facts.version ?? 'version unknown'))].sort();
  return [
    ['Conversations', all.length.toLocaleString('en'), versions.map(escapeHtml).join(', ')],
    [
      'Records',
      records.toLocaleString('en'),
      closed === 0 ? 'all opened' : `${countText(closed, 'record')} not opened`,
    ],
    ['Clients sent', bytesText(sum(({ applicationBytes }) => applicationBytes.client)), 'application data'],
    ['Servers sent', bytesText(sum(({ applicationBytes }) => applicationBytes.server)), 'application data'],
    ['Time', durationText(latest - earliest), updates === 0 ? 'no key updates' : countText(updates, 'key update')],
  ]
    .map(([name, value, remark]) => `<div class="tile"><h2>${name}</h2><p>${value}</p><small>${remark}</small></div>`)
    .join('');
}

/** What a browser shows without effort. */
const maxShownBytes = 2 ** 20;
const maxRecordBytes = 2048;
const maxRecords = 5000;
const maxConversations = 1000;
const openConversations = 3;
