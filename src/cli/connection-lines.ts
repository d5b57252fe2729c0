import type { ConnectionView, DirectionView } from './inspect/connection-view.ts';
import { bytesInWords, count, timeInWords } from './quantities.ts';
import type { Report } from './report.ts';

/** One line that tells who, how and how much. */
export function connectionLine(report: Report, view: ConnectionView): string {
  const { peer, state, version, suite, read, write, requests, age } = view;
  const who = peer.padEnd(21);
  if (state === 'failed' && version === null)
    return `${who}  ${report.style('red', `failed: ${view.marks.at(-1)?.text}`)}`;
  if (version === null)
    return `${who}  ${report.style('dim', state === 'handshake' ? 'handshake' : 'closed before it was secure')}`;
  const layers = `sends ${layer(report, write)}, receives ${layer(report, read)}`;
  const started = `${version} ${suite}${view.resumed ? ' resumed' : ''}`;
  if (state === 'open' && requests === 0) return [who, started, layers].join('  ');
  const amount = `${bytesInWords(write.bytes)} out, ${bytesInWords(read.bytes)} in, ${count(requests, 'request')}`;
  const end = { handshake: '', open: timeInWords(age), closed: `closed after ${timeInWords(age)}`, failed: '' }[state];
  const failure = state === 'failed' ? report.style('red', `failed: ${view.marks.at(-1)?.text}`) : end;
  return [who, started, layers, amount, failure].join('  ');
}

function layer(report: Report, { layer }: DirectionView): string {
  return layer === 'kernel' ? report.style('green', layer) : layer;
}
