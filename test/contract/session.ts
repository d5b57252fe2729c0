import { expect } from 'vitest';
import type { TLSPlaintext } from '../../src/protocol/content-type.ts';
import type { ReferenceOptions } from '../helpers/reference-protection.ts';
import { referenceOpen, referenceSeal, splitRecords } from '../helpers/reference-protection.ts';
import type { OpenOptions, Outcome, RecordLayerHarness, RecordLayerUnderTest } from './harness.ts';

/** Runs `test` with a new record layer and closes that. */
export async function withSession(
  harness: RecordLayerHarness,
  options: OpenOptions,
  test: (session: Session) => Promise<void>,
): Promise<void> {
  const layer = await harness.open(options);
  try {
    await test(new Session(layer));
  } finally {
    await layer.close();
  }
}

/** A record layer and the reference at its other end, which counts the records of both directions. */
export class Session {
  readonly layer: RecordLayerUnderTest;
  #written: bigint;
  #sealed: bigint;

  constructor(layer: RecordLayerUnderTest) {
    this.layer = layer;
    this.#written = layer.keys.write.sequenceNumber;
    this.#sealed = layer.keys.read.sequenceNumber;
  }

  /** Number of the next record that the layer writes. */
  get written(): bigint {
    return this.#written;
  }

  /** Opens all of `wire`, which the layer wrote. */
  openWritten(wire: Uint8Array): TLSPlaintext[] {
    return splitRecords(wire).map((record) => referenceOpen(this.layer.keys.write, this.#written++, record));
  }

  /** Seals the next record for the layer to read. */
  seal(type: number, fragment: Uint8Array, options?: ReferenceOptions): Uint8Array {
    return referenceSeal(this.layer.keys.read, this.#sealed++, type, fragment, options);
  }

  sealAll(records: readonly TLSPlaintext[]): Uint8Array {
    return new Uint8Array(Buffer.concat(records.map(({ type, fragment }) => this.seal(type, fragment))));
  }

  /** Expects the layer to read exactly these next: data in any pieces, control records one by one. */
  async expectRead(records: readonly TLSPlaintext[]): Promise<void> {
    for (const record of mergeData(records)) {
      if (record.type === 23) {
        await this.#expectData(record.fragment);
      } else {
        expect(await this.next()).toEqual({ kind: 'control', ...plain(record) });
      }
    }
  }

  /** What the layer reads next, but for data that is empty; never a Buffer, which equals no Uint8Array. */
  async next(): Promise<Outcome> {
    const outcome = await this.layer.next();
    if (outcome.kind === 'data' && outcome.bytes.length === 0) return await this.next();
    return outcome.kind === 'control' ? { kind: 'control', ...plain(outcome) } : outcome;
  }

  async expectOutcome(outcome: Outcome): Promise<void> {
    expect(await this.next()).toMatchObject(outcome);
  }

  async #expectData(expected: Uint8Array): Promise<void> {
    const pieces: Uint8Array[] = [];
    for (let length = 0; length < expected.length; ) {
      const outcome = await this.next();
      if (outcome.kind !== 'data') expect.fail(`expected data, got ${outcome.kind}: ${JSON.stringify(outcome)}`);
      pieces.push(outcome.bytes);
      length += outcome.bytes.length;
    }
    expectSameBytes(Buffer.concat(pieces), expected);
  }
}

/** Quicker than expect().toEqual with thousands of bytes, and legible when it fails. */
export function expectSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) === 0) return;
  const differs = expected.findIndex((byte, i) => actual[i] !== byte);
  expect.fail(`${actual.length} bytes, expected ${expected.length}; first difference at ${differs}`);
}

function mergeData(records: readonly TLSPlaintext[]): TLSPlaintext[] {
  const merged: TLSPlaintext[] = [];
  for (const record of records) {
    const last = merged.at(-1);
    if (record.type === 23 && last?.type === 23) {
      merged[merged.length - 1] = { type: 23, fragment: Buffer.concat([last.fragment, record.fragment]) };
    } else {
      merged.push(record);
    }
  }
  return merged;
}

function plain({ type, fragment }: TLSPlaintext): TLSPlaintext {
  return { type, fragment: new Uint8Array(fragment) };
}
