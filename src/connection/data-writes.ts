import { ContentType } from '../protocol/content-type.ts';
import { fragments } from '../record/fragment.ts';
import { maxFragmentLength } from '../record/protection.ts';
import type { ControlBudget } from './control-budget.ts';
import type { ExpectedAnswers } from './expected-answers.ts';
import type { Handshake, Output } from './handshake.ts';
import type { KeyRenewal } from './key-renewal.ts';
import { type Done, type FileDone, type FilePart, streamDestroyed } from './outgoing.ts';
import type { WriteSide } from './write-side.ts';

interface Parts {
  readonly handshake: Handshake;
  readonly write: WriteSide;
  readonly expected: ExpectedAnswers;
  readonly renewal: KeyRenewal;
  readonly budget: ControlBudget;
  /** Nothing can be sent any more. */
  readonly ended: () => boolean;
  readonly route: (outputs: readonly Output[], doneOf: (output: Output) => Done | undefined) => void;
}

/** Application data on its way out: cut, counted, and given to whoever protects it. */
export class DataWrites {
  readonly #parts: Parts;
  /** Bytes, where it is less than what records hold. */
  limit: number | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  write(parts: readonly Uint8Array[], done: Done): void {
    const { expected, write: side } = this.#parts;
    // Layers cut at the largest fragment themselves; a smaller one is a record, or a write to the kernel, for each piece.
    const limit = this.limit ?? (side.hasKeys ? undefined : maxFragmentLength);
    const pieces = limit === undefined ? parts : parts.flatMap((part) => [...fragments(part, limit)]);
    let left = pieces.length;
    for (const piece of pieces) {
      // By its place: one buffer may be there more than once.
      const last = --left === 0 ? done : undefined;
      // OpenSSL, where it protects data itself, has one piece at a time, so that its thread has time for others.
      if (expected.holds || (expected.areThere && !side.hasKeys))
        expected.behind(() => this.#write(piece, last), refusing(last));
      else this.#write(piece, last);
    }
  }

  /** From a file without reading it, where the kernel carries what is sent. */
  file(file: FilePart, done: FileDone): void {
    const { write, ended, expected } = this.#parts;
    const refuse = (): void => done(streamDestroyed(), 0);
    const send = (): void => (ended() ? refuse() : write.file(file, done));
    if (this.#waitsForKeys(file.length, write.usesUp(file.length))) expected.next(send, refuse);
    else send();
  }

  #write(data: Uint8Array, done?: Done): void {
    const { write, expected } = this.#parts;
    const isUsedUp = write.hasKeys ? write.usesUp(data.length) : write.engineUsesUp(data.length);
    if (this.#waitsForKeys(data.length, isUsedUp)) expected.next(() => this.#protect(data, done), refusing(done));
    else this.#protect(data, done);
  }

  /** Counts so many bytes. Nothing goes under keys that are used up. */
  #waitsForKeys(length: number, isUsedUp: boolean): boolean {
    const { expected, renewal, budget } = this.#parts;
    budget.restore(length);
    if (isUsedUp) renewal.ofWrites();
    return isUsedUp && expected.areThere;
  }

  #protect(data: Uint8Array, done?: Done): void {
    const { handshake, write, expected, ended, route } = this.#parts;
    if (ended()) done?.(streamDestroyed());
    else if (write.hasKeys) write.record(ContentType.applicationData, data, done);
    else {
      const protectedData = (outputs: readonly Output[]): void => {
        const last = outputs.findLast(({ kind }) => kind === 'ciphertext');
        route(outputs, (output) => (output === last ? done : undefined));
        if (!last) done?.(ended() ? streamDestroyed() : null);
      };
      expected.carryOut(handshake.write(data), protectedData, refusing(done));
    }
  }
}

function refusing(done: Done | undefined): () => void {
  return () => done?.(streamDestroyed());
}
