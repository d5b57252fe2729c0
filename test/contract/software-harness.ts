import type { RecordOpener, RecordSealer } from '../../src/record/protection.ts';
import { RecordBuffer } from '../../src/record/record-buffer.ts';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';
import type { Outcome, RecordLayerHarness, RecordLayerUnderTest } from './harness.ts';
import { randomTrafficKeys } from './harness.ts';

/** The harness of every record layer made of a {@link RecordSealer} and a {@link RecordOpener}. */
export function softwareHarness(layer: {
  supports: RecordLayerHarness['supports'];
  createSealer(keys: TrafficKeys): RecordSealer;
  createOpener(keys: TrafficKeys): RecordOpener;
}): RecordLayerHarness {
  return {
    capabilities: {
      arbitrarySequenceNumber: true,
      controlRecords: true,
      emptyData: true,
      countedExplicitNonce: true,
      seesTruncation: true,
    },
    supports: layer.supports,
    open: async (options) => {
      const keys = { write: randomTrafficKeys(options), read: randomTrafficKeys(options) };
      return new SoftwareLayer(keys, layer.createSealer(keys.write), layer.createOpener(keys.read));
    },
  };
}

class SoftwareLayer implements RecordLayerUnderTest {
  readonly keys: RecordLayerUnderTest['keys'];
  readonly #sealer: RecordSealer;
  readonly #opener: RecordOpener;
  readonly #buffer = new RecordBuffer();
  readonly #outcomes: Outcome[] = [];
  #awaited: (() => void) | undefined;

  constructor(keys: RecordLayerUnderTest['keys'], sealer: RecordSealer, opener: RecordOpener) {
    this.keys = keys;
    this.#sealer = sealer;
    this.#opener = opener;
    this.#buffer.version = keys.read.version;
  }

  async write(type: number, fragment: Uint8Array): Promise<Uint8Array> {
    return this.#sealer.seal(type, fragment);
  }

  async receive(wire: Uint8Array): Promise<void> {
    // As from a socket that reuses one buffer: whoever keeps a view of it past this call shows.
    const chunk = wire.slice();
    this.#buffer.push(chunk);
    this.#openAll();
    this.#buffer.retain();
    chunk.fill(0);
  }

  async receiveEnd(): Promise<void> {
    this.#put({ kind: 'end', truncated: this.#buffer.length > 0 });
  }

  async next(): Promise<Outcome> {
    const outcome = this.#outcomes.shift();
    if (outcome !== undefined) return outcome;
    await new Promise<void>((resolve) => {
      this.#awaited = resolve;
    });
    return await this.next();
  }

  async close(): Promise<void> {
    this.#sealer.dispose();
    this.#opener.dispose();
  }

  #openAll(): void {
    for (let input = this.#buffer.wholeRecords(); input !== undefined; input = this.#buffer.wholeRecords()) {
      const { consumed, applicationData, control, fault } = this.#opener.open(input);
      this.#buffer.consume(consumed);
      if (applicationData) this.#put({ kind: 'data', bytes: applicationData });
      if (control) this.#put({ kind: 'control', ...control });
      if (fault) {
        this.#put({ kind: 'fault', alert: fault.alert });
        return;
      }
    }
    if (this.#buffer.fault) this.#put({ kind: 'fault', alert: this.#buffer.fault.alert });
  }

  #put(outcome: Outcome): void {
    this.#outcomes.push(outcome);
    this.#awaited?.();
  }
}
