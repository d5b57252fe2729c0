import { packingOf } from './file-pieces.ts';

/** What a file is to the page, by what is in it. */
export type FileKind = 'capture' | 'key log' | 'exported keys';

/** The files that were given so far. */
export class GivenFiles {
  /** The last one counts. */
  capture: File | undefined;
  readonly #keyLogs: string[] = [];
  readonly #keys: unknown[] = [];

  /** All key logs as one; undefined without any. */
  get keyLog(): string | undefined {
    return this.#keyLogs.length === 0 ? undefined : this.#keyLogs.join('\n');
  }

  /** What exportKeys() gave. */
  get keys(): unknown[] | undefined {
    return this.#keys.length === 0 ? undefined : this.#keys;
  }

  /** Rejects with a SyntaxError if it begins as JSON and is none. */
  async add(file: File): Promise<FileKind> {
    const kind = kindOf(new Uint8Array(await file.slice(0, lookedAt).arrayBuffer()));
    if (kind === 'capture') this.capture = file;
    else if (kind === 'key log') this.#keyLogs.push(await file.text());
    else this.#keys.push(...[JSON.parse(await file.text())].flat());
    return kind;
  }
}

/** Captures are binary, which no text with secrets is. */
function kindOf(start: Uint8Array): FileKind {
  if (start.includes(0) || packingOf(start) !== undefined) return 'capture';
  return /^\s*[[{]/.test(new TextDecoder().decode(start)) ? 'exported keys' : 'key log';
}

const lookedAt = 512;
