import { ContentType } from '../../protocol/content-type.ts';
import type { ConversationFacts, ConversationProblem, DecryptedRecord, Sender } from '../conversation.ts';
import { RecordDescriber } from '../output/record-describer.ts';

/** A record, as far as the page shows it. */
export interface ShownRecord extends Omit<DecryptedRecord, 'plaintext'> {
  /** What it says, in a few words; undefined for application data. */
  readonly says: string | undefined;
  /** The first bytes of the plaintext; undefined if it could not be opened. */
  readonly bytes: Uint8Array | undefined;
  /** How long the plaintext is. */
  readonly plaintextLength: number;
}

/** What the page keeps of a conversation: beginnings of records, so many, and sums of all. */
export class ShownConversation {
  readonly facts: Readonly<ConversationFacts>;
  readonly records: ShownRecord[] = [];
  readonly problems: ConversationProblem[] = [];
  readonly applicationBytes: Record<Sender, number> = { client: 0, server: 0 };
  readonly lastEpoch: Record<Sender, number> = { client: 0, server: 0 };
  recordCount = 0;
  closedCount = 0;
  readonly #describer = new RecordDescriber();

  constructor(facts: Readonly<ConversationFacts>) {
    this.facts = facts;
  }

  /** Keeps at most `room` bytes of a record; undefined: nothing of it at all. Says how many were kept. */
  add(decrypted: DecryptedRecord, room: number | undefined): number {
    const { plaintext, ...record } = decrypted;
    this.recordCount++;
    const says = this.#describer.describe(decrypted);
    if (plaintext === undefined) this.closedCount++;
    else if (record.type === ContentType.applicationData) this.applicationBytes[record.sender] += plaintext.length;
    this.lastEpoch[record.sender] = Math.max(this.lastEpoch[record.sender], record.epoch ?? 0);
    if (room === undefined) return 0;
    const bytes = plaintext?.slice(0, room);
    this.records.push({ ...record, says, bytes, plaintextLength: plaintext?.length ?? 0 });
    return bytes?.length ?? 0;
  }
}
