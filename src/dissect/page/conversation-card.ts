import type { Sender } from '../conversation.ts';
import { endpointText } from '../output/event-json.ts';
import { contentTypeName, protectionText } from '../output/record-names.ts';
import { isoTime } from '../output/time.ts';
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
  const keys: Record<Sender, string> = { client: 'clear', server: 'clear' };
  return records
    .map((record) => {
      const { sender } = record;
      const text = protectionText(record);
      if (text === '' || text === keys[sender]) return row(record, facts.startTime);
      keys[sender] = text;
      return `<p class="epoch ${sender}"><b>${sender}</b> ${keysText(record)}</p>\n${row(record, facts.startTime)}`;
    })
    .join('\n');
}

function row(record: ShownRecord, startTime: bigint): string {
  const { time, sender, type, sequenceNumber, length, says, bytes, plaintextLength } = record;
  const kind = kindOf(record);
  const preview = says ?? previewOf(record);
  const place = sequenceNumber === undefined ? protectionText(record) : `${protectionText(record)} · ${sequenceNumber}`;
  const summary = `<span class="time">+${durationText(time - startTime)}</span><span class="from ${sender}">${sender === 'client' ? 'client →' : '← server'}</span><span class="type">${escapeHtml(contentTypeName(type))}</span><span class="place">${place}</span><span class="size">${bytesText(bytes === undefined ? length : plaintextLength)}</span><span class="says">${escapeHtml(preview)}</span>`;
  if (bytes === undefined || bytes.length === 0) return `<div class="record ${kind} flat"><div>${summary}</div></div>`;
  const left = plaintextLength - bytes.length;
  const more = left > 0 ? `<p class="left">${countText(left, 'more byte')} not shown</p>` : '';
  return `<details class="record ${kind}"><summary>${summary}</summary><pre class="text">${escapeHtml(readableText(bytes))}</pre><pre class="hex">${escapeHtml(hexDump(bytes))}</pre>${more}</details>`;
}

/** What begins with a record. */
function keysText({ protection, epoch = 0 }: ShownRecord): string {
  if (protection === 'early') return 'keys for early data (0-RTT)';
  if (protection === 'handshake') return 'keys for the handshake';
  if (protection === 'none') return 'no keys';
  return epoch === 0 ? 'epoch 0: keys for application data' : `epoch ${epoch}: new keys`;
}

const previewLength = 120;
