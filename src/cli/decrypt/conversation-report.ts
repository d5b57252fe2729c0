import type { ConversationFacts, ConversationProblem, DecryptedRecord, DecryptionEvent, Unused } from '../../keys.ts';
import { contentTypeName, endpointText, protectionText, RecordDescriber, readableText } from '../../keys.ts';
import { printable } from '../printable.ts';
import type { Report } from '../report.ts';
import type { DecryptionOutput } from './outputs.ts';

/** Prints conversations for people, each when it has ended: what it was, and its records, a line each. */
export class ConversationReport implements DecryptionOutput {
  readonly #report: Report;
  readonly #running = new Map<Readonly<ConversationFacts>, Lines>();

  constructor(report: Report) {
    this.#report = report;
  }

  push(event: DecryptionEvent): void {
    if (event.kind === 'captureProblem') {
      this.#report.line(this.#report.style('yellow', printable(event.reason)));
      return;
    }
    if (event.kind === 'unused') {
      this.#report.line(this.#report.style('dim', `not used: ${printable(unusedText(event.unused))}`));
      return;
    }
    const { conversation } = event;
    const lines = this.#running.get(conversation) ?? {
      describer: new RecordDescriber(),
      records: [],
      problems: [],
      left: 0,
    };
    this.#running.set(conversation, lines);
    if (event.kind === 'problem') lines.problems.push(event.problem);
    if (event.kind === 'record') {
      if (lines.records.length < maxRecords)
        lines.records.push(this.#line(conversation, event.record, lines.describer));
      else lines.left++;
    }
    if (event.kind !== 'end') return;
    this.#running.delete(conversation);
    this.#print(conversation, lines);
  }

  end(): void {}

  #print(facts: Readonly<ConversationFacts>, { records, problems, left }: Lines): void {
    const { id, within, client, server, version, cipherSuite, serverName, alpnProtocol } = facts;
    const inside = within === undefined ? undefined : `within ${within}`;
    const negotiated = [inside, version, cipherSuite, serverName, alpnProtocol].filter((fact) => fact !== undefined);
    this.#report.heading(`${id}  ${endpointText(client)} → ${endpointText(server)}`, printable(negotiated.join(', ')));
    for (const { sender, reason } of problems) {
      this.#report.line(`  ${this.#report.style('yellow', printable(sender ? `${sender}: ${reason}` : reason))}`);
    }
    for (const line of records) this.#report.line(line);
    if (left > 0) this.#report.line(`  ${this.#report.style('dim', `and ${left} more records`)}`);
  }

  #line({ startTime }: Readonly<ConversationFacts>, record: DecryptedRecord, describer: RecordDescriber): string {
    const { time, sender, type, sequenceNumber, length, plaintext } = record;
    const after = `+${(Number(time - startTime) / 1e6).toFixed(3)} ms`;
    const keys = protectionText(record);
    const place = sequenceNumber === undefined ? keys : `${keys}, ${sequenceNumber}`;
    const says = describer.describe(record) ?? preview(plaintext);
    const columns = [after.padStart(14), sender, contentTypeName(type).padEnd(18), place.padEnd(13)];
    const start = this.#report.style('dim', columns.join('  '));
    return `  ${start}  ${String(plaintext?.length ?? length).padStart(5)} B  ${says}`.trimEnd();
  }
}

interface Lines {
  readonly describer: RecordDescriber;
  readonly records: string[];
  readonly problems: ConversationProblem[];
  left: number;
}

/** What there was besides TLS connections, the most frequent first. */
export function unusedText(unused: readonly Unused[]): string {
  return unused.map(({ what, count }) => `${count} ${what}`).join(', ');
}

function preview(plaintext: Uint8Array = new Uint8Array()): string {
  return readableText(plaintext.subarray(0, previewLength)).replaceAll(/\s+/g, ' ').trim();
}

const previewLength = 60;
const maxRecords = 500;
