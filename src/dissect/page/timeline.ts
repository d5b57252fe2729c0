import { ContentType } from '../../protocol/content-type.ts';
import type { Sender } from '../conversation.ts';
import { protectionText } from '../output/record-names.ts';
import type { ShownConversation, ShownRecord } from './shown-conversation.ts';

/**
 * When who sent what: a lane for each end, a bar for each record, as high as it is long (by its logarithm), and the ground shaded from epoch
 * to epoch. Bars that would lie on each other are one.
 */
export function timeline({ facts, records }: ShownConversation): string {
  const start = records[0]?.time ?? facts.startTime;
  const end = records.at(-1)?.time ?? start;
  const at = (time: bigint): number => {
    if (end <= start) return 0;
    const share = Number(time - start) / Number(end - start);
    return Math.round(Math.min(1, Math.max(0, share)) * (width - barWidth) * 10) / 10;
  };
  const lanes = (['client', 'server'] as const).map((sender, lane) => {
    const sent = records.filter((record) => record.sender === sender);
    const top = lane * laneHeight;
    return `${shades(sent, at, top)}${bars(sent, at, sender, top)}`;
  });
  return `<svg class="timeline" viewBox="0 0 ${width} ${2 * laneHeight}" preserveAspectRatio="none" aria-hidden="true">${lanes.join('')}<path class="axis" d="M0 ${laneHeight}H${width}"/></svg>`;
}

function shades(sent: readonly ShownRecord[], at: (time: bigint) => number, top: number): string {
  const starts: { x: number; keys: string; shade: number }[] = [];
  for (const record of sent) {
    const keys = protectionText(record);
    if (keys !== '' && keys !== starts.at(-1)?.keys) starts.push({ x: at(record.time), keys, shade: shadeOf(record) });
  }
  return starts
    .map(({ x, shade }, index) => {
      const end = starts[index + 1]?.x ?? width;
      return `<rect class="shade s${shade}" x="${x}" y="${top + 1}" width="${Math.max(0, end - x).toFixed(1)}" height="${laneHeight - 2}"/>`;
    })
    .join('');
}

/** None without keys, then light and dark in turns. */
function shadeOf({ protection, epoch = 0 }: ShownRecord): number {
  if (protection === 'none') return 0;
  return protection === 'application' && epoch % 2 === 0 ? 2 : 1;
}

function bars(sent: readonly ShownRecord[], at: (time: bigint) => number, sender: Sender, top: number): string {
  const highest = new Map<string, { x: number; kind: string; height: number }>();
  for (const record of sent) {
    const x = Math.round(at(record.time));
    const kind = kindOf(record);
    const height = 6 + Math.min(1, Math.log2(1 + record.length) / 14) * (laneHeight - 12);
    const known = highest.get(`${x} ${kind}`);
    if (known === undefined || known.height < height) highest.set(`${x} ${kind}`, { x, kind, height });
  }
  // The low ones in front.
  return [...highest.values()]
    .toSorted((one, other) => other.height - one.height)
    .map(({ x, kind, height }) => {
      // Lanes meet in the middle: the client's grow up from there, the server's down.
      const y = sender === 'client' ? top + laneHeight - height : top;
      return `<rect class="bar ${kind}" x="${x}" y="${y.toFixed(1)}" width="${barWidth}" height="${height.toFixed(1)}"/>`;
    })
    .join('');
}

/** What filters and colours go by. */
export function kindOf({ type, bytes }: ShownRecord): 'closed' | 'handshake' | 'data' | 'other' {
  if (bytes === undefined) return 'closed';
  if (type === ContentType.handshake) return 'handshake';
  return type === ContentType.applicationData ? 'data' : 'other';
}

const width = 1000;
const laneHeight = 32;
const barWidth = 3;
