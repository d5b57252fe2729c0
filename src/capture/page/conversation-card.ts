import type { Sender } from '../conversation.ts';
import { endpointText } from '../event-json.ts';
import { contentTypeName } from '../record-names.ts';
import { isoTime } from '../time.ts';
import { bytesText, countText, durationText } from './figures.ts';
import { escapeHtml, hexDump, readableText } from './html.ts';
import type { ShownConversation, ShownRecord } from './shown-conversation.ts';
import { kindOf, timeline } from './timeline.ts';

/** A conversation on the page: what it was, when what was sent, and its records. */
export function conversationCard(conversation: ShownConversation, isOpen: boolean): string {
  const { facts, problems, records, recordCount } = conversation;
  const left = recordCount - records.length;
  return `<details class="card" id="conversation-${facts.id}"${isOpen ? ' open' : ''}>
<summary>${head(conversation)}</summary>
${problems.map(({ sender, reason }) => `<p class="problem">${sender === undefined ? '' : `<b>${sender}</b> `}${escapeHtml(reason)}</p>`).join('')}
<div class="lanes"><span>client</span><span>server</span>${timeline(conversation)}<span class="scale"><span>0</span><span>${durationText(span(conversation))}</span></span></div>
<div class="records">
${rows(conversation)}
</div>
${left > 0 ? `<p class="left">${countText(left, 'more record')} not shown</p>` : ''}
</details>`;
}

function head({ facts, problems, closedCount, applicationBytes, recordCount }: ShownConversation): string {
  const { client, server, serverName, version, cipherSuite, alpnProtocol, startTime, endTime } = facts;
  const chips = [version, cipherSuite, alpnProtocol].filter((fact) => fact !== undefined);
  const state = problems.length === 0 && closedCount === 0 ? 'whole' : 'partly';
  return `<span class="who"><i class="dot ${state}"></i><b class="ends">${escapeHtml(endpointText(client))} <i>→</i> ${escapeHtml(endpointText(server))}</b>
<span class="name">${escapeHtml(serverName ?? '')}</span></span>
<span class="chips">${chips.map((chip) => `<span class="chip">${escapeHtml(chip)}</span>`).join('')}</span>
<span class="sums"><span title="started">${isoTime(startTime)}</span><span>${durationText(endTime - startTime)}</span><span>${countText(recordCount, 'record')}</span><span class="client">${bytesText(applicationBytes.client)} sent</span><span class="server">${bytesText(applicationBytes.server)} answered</span></span>`;
}

function previewOf({ bytes = new Uint8Array(), plaintextLength }: ShownRecord): string {
  if (bytes.length === 0 && plaintextLength > 0) return '(not shown)';
  return readableText(bytes.subarray(0, previewLength)).replaceAll(/\s+/g, ' ');
}

/** From the first record to the last, as the timeline has it. */
function span({ records }: ShownConversation): bigint {
  return (records.at(-1)?.time ?? 0n) - (records[0]?.time ?? 0n);
}

function rows({ facts, records }: ShownConversation): string {
  const epochs: Record<Sender, number> = { client: 0, server: 0 };
  return records
    .map((record) => {
      const { sender, epoch } = record;
      if (epoch === undefined || epoch === epochs[sender]) return row(record, facts.startTime);
      epochs[sender] = epoch;
      const about = escapeHtml(epochText(facts.version, epoch));
      return `<p class="epoch ${sender}"><b>${sender}</b> epoch ${epoch}: ${about}</p>\n${row(record, facts.startTime)}`;
    })
    .join('\n');
}

function row(record: ShownRecord, startTime: bigint): string {
  const { time, sender, type, epoch, sequenceNumber, length, says, bytes, plaintextLength } = record;
  const kind = kindOf(record);
  const preview = says ?? previewOf(record);
  const place = epoch === undefined ? '' : epoch === 0 ? 'clear' : `${epoch}·${sequenceNumber}`;
  const summary = `<span class="time">+${durationText(time - startTime)}</span><span class="from ${sender}">${sender === 'client' ? 'client →' : '← server'}</span><span class="type">${escapeHtml(contentTypeName(type))}</span><span class="place">${place}</span><span class="size">${bytesText(bytes === undefined ? length : plaintextLength)}</span><span class="says">${escapeHtml(preview)}</span>`;
  if (bytes === undefined || bytes.length === 0) return `<div class="record ${kind} flat"><div>${summary}</div></div>`;
  const left = plaintextLength - bytes.length;
  const more = left > 0 ? `<p class="left">${countText(left, 'more byte')} not shown</p>` : '';
  return `<details class="record ${kind}"><summary>${summary}</summary><pre class="text">${escapeHtml(readableText(bytes))}</pre><pre class="hex">${escapeHtml(hexDump(bytes))}</pre>${more}</details>`;
}

function epochText(version: string | undefined, epoch: number): string {
  if (version !== 'TLSv1.3') return epoch === 1 ? 'keys of the handshake' : 'keys of another handshake';
  const [, early = '', handshake = '', application = ''] = [
    '',
    'keys for early data',
    'keys for the handshake',
    'keys for application data',
  ];
  if (epoch <= 3) return [early, handshake, application][epoch - 1] ?? '';
  return `new keys, ${countText(epoch - 3, 'key update')}`;
}

const previewLength = 120;
