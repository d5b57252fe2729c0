import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CapturePage,
  type ConversationFacts,
  type DecryptionEvent,
  eventJson,
  PlaintextPcapng,
  type Sender,
  streamData,
} from '../../keys.ts';
import type { Output } from '../output.ts';
import { HexLines } from './hex-lines.ts';

/** Where what is decrypted goes. */
export interface DecryptionOutput {
  push(event: DecryptionEvent): void;
  /** There is nothing more to come. */
  end(): void;
}

/**
 * A line of JSON for each event, on stdout. Plaintext makes up nearly all of it, as digits that need no escaping: they are put into the line as they
 * are, which costs a third of what JSON.stringify() of them does.
 */
export class JsonOutput implements DecryptionOutput {
  readonly #output: Output;
  readonly #lines: HexLines;

  constructor(output: Output) {
    this.#output = output;
    this.#lines = new HexLines(output.stdout);
  }

  push(event: DecryptionEvent): void {
    if (event.kind !== 'record' || event.record.plaintext === undefined) {
      this.#lines.flush();
      this.#output.json(eventJson(event), 'line');
      return;
    }
    const { plaintext, ...rest } = event.record;
    const { plaintext: _, ...others } = eventJson({ ...event, record: { ...rest, plaintext: undefined } });
    // Nothing in it is beyond ASCII: names are of a table, times are digits.
    this.#lines.add(`${JSON.stringify(others).slice(0, -1)},"plaintext":"`, plaintext, '"}\n');
  }

  end(): void {
    this.#lines.flush();
  }
}

/** The page that shows a capture. */
export class PageOutput implements DecryptionOutput {
  readonly #page = new CapturePage();
  readonly #file: number;
  readonly #title: string;

  constructor(file: string, title: string) {
    this.#file = openSync(file, 'w', ownerOnly);
    this.#title = title;
  }

  push(event: DecryptionEvent): void {
    this.#page.push(event);
  }

  end(): void {
    writeFileSync(this.#file, this.#page.html(this.#title));
    closeSync(this.#file);
  }
}

/** A capture without TLS. */
export class PcapngOutput implements DecryptionOutput {
  readonly #pcapng = new PlaintextPcapng();
  readonly #file: number;

  constructor(file: string) {
    this.#file = openSync(file, 'w', ownerOnly);
    for (const block of this.#pcapng.start()) writeFileSync(this.#file, block);
  }

  push(event: DecryptionEvent): void {
    for (const block of this.#pcapng.push(event)) writeFileSync(this.#file, block);
  }

  end(): void {
    closeSync(this.#file);
  }
}

/** A file for what each end of each conversation said. */
export class StreamsOutput implements DecryptionOutput {
  readonly #folder: string;
  /** Whose file was begun. A file is not kept open: there may be thousands. */
  readonly #begun = new Map<Readonly<ConversationFacts>, Set<Sender>>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  push(event: DecryptionEvent): void {
    if (event.kind === 'end') this.#begun.delete(event.conversation);
    const data = streamData(event);
    if (data === undefined) return;
    const { conversation, sender, bytes } = data;
    const begun = this.#begun.get(conversation) ?? new Set<Sender>();
    this.#begun.set(conversation, begun);
    const file = join(this.#folder, `${conversation.id}-${sender}`);
    writeFileSync(file, bytes, { mode: ownerOnly, flag: begun.has(sender) ? 'a' : 'w' });
    begun.add(sender);
  }

  end(): void {}
}

/** Plaintext is as confidential as the connection was. */
const ownerOnly = 0o600;
