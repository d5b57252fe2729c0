import { advance, wipeTrafficKeys } from '../record/crypto-info.ts';
import { recordFraming } from '../record/framing.ts';
import { advanceExplicitNonce, explicitNonce } from '../record/nonce.ts';
import type { KernelAeadName, TrafficKeys } from '../record/traffic-keys.ts';
import type { EventQueue } from './event-queue.ts';
import type { Direction } from './handshake.ts';
import type { KeyEpoch } from './key-epoch.ts';
import type { ConnectionOptions } from './options.ts';
import type { RecordLayerName } from './record-layer.ts';

type Keys = TrafficKeys<KernelAeadName>;

/** Keys that will follow those of a direction, `changes` changes later, and the number that their next record will have. */
export interface WaitingKeys {
  readonly keys: TrafficKeys;
  readonly sequenceNumber: bigint;
  readonly layer: RecordLayerName;
  readonly changes: number;
}

/** What the half of a connection that protects a direction tells of it. */
interface Side {
  readonly layer: RecordLayerName;
  /** Number of the next record; undefined where the layer does not tell. */
  readonly sequenceNumber: bigint | undefined;
  readonly waitingKeys?: WaitingKeys | undefined;
}

/**
 * Counts changes of keys. Keeps copies of the keys in use only where they are exported: all others wipe theirs once they
 * are installed.
 */
export class KeyWatch {
  readonly epochs: { read: number | undefined; write: number | undefined } = { read: undefined, write: undefined };
  readonly #events: EventQueue;
  readonly #isExported: boolean;
  readonly #isTold: boolean;
  readonly #current: { read?: Watched; write?: Watched } = {};

  constructor(
    events: EventQueue,
    { exportsKeys, tellsEpochs }: Pick<ConnectionOptions, 'exportsKeys' | 'tellsEpochs'>,
  ) {
    this.#events = events;
    this.#isExported = exportsKeys === true;
    this.#isTold = tellsEpochs === true;
  }

  /** A direction has new keys. They are copied where they are wanted. */
  installed(direction: Direction, keys: Keys, layer: RecordLayerName): void {
    const epoch = (this.epochs[direction] ?? -1) + 1;
    this.epochs[direction] = epoch;
    if (this.#isTold) this.#events.emit({ kind: 'epoch', direction, epoch });
    if (!this.#isExported) return;
    const before = this.#current[direction];
    if (before) wipeTrafficKeys(before.keys);
    this.#current[direction] = { epoch, keys: advance(keys, keys.sequenceNumber), ownRecords: 0n, nonce: undefined };
    this.#events.emit({ kind: 'keys', direction, epoch, layer, keys: advance(keys, keys.sequenceNumber) });
  }

  /** Same, of a direction that OpenSSL protects itself. `keys` are wiped. */
  heldByEngine(direction: Direction, keys: Keys): void {
    this.installed(direction, keys, 'wasm');
    wipeTrafficKeys(keys);
  }

  /** Records that OpenSSL protects itself: it does not tell their numbers. */
  ciphertext(direction: Direction, records: Uint8Array): void {
    const watched = this.#current[direction];
    if (!watched) return;
    for (let at = 0; at + headerLength <= records.length; ) {
      watched.ownRecords++;
      const body = at + headerLength;
      watched.nonce = new Uint8Array(records.subarray(body, body + explicitNonceLength));
      at = body + ((records[at + 3] ?? 0) << 8) + (records[at + 4] ?? 0);
    }
  }

  /** The keys of a direction for its next record, the caller's own to wipe; undefined where nobody tells them. */
  next(direction: Direction, { layer, sequenceNumber, waitingKeys }: Side): KeyEpoch | undefined {
    if (waitingKeys) return this.#ahead(direction, waitingKeys);
    const isKnown = sequenceNumber !== undefined || layer === 'wasm';
    return isKnown ? this.#atNextRecord(direction, layer, sequenceNumber) : undefined;
  }

  dispose(): void {
    for (const watched of Object.values(this.#current)) wipeTrafficKeys(watched.keys);
    delete this.#current.read;
    delete this.#current.write;
  }

  /** `sequenceNumber` is the layer's, undefined where OpenSSL protects. */
  #atNextRecord(
    direction: Direction,
    layer: RecordLayerName,
    sequenceNumber: bigint | undefined,
  ): KeyEpoch | undefined {
    const watched = this.#current[direction];
    if (!watched) return undefined;
    const { epoch, ownRecords, nonce } = watched;
    const keys = advance(watched.keys, sequenceNumber ?? watched.keys.sequenceNumber + ownRecords);
    if (sequenceNumber === undefined && nonce?.length === explicitNonceLength && isExplicit(keys)) {
      // OpenSSL counts its nonces up from a number of its own.
      keys.iv.set(advanceExplicitNonce(explicitNonce(keys.iv, nonce), 1n));
    }
    return { direction, epoch, layer, keys };
  }

  #ahead(direction: Direction, { keys, sequenceNumber, layer, changes }: WaitingKeys): KeyEpoch | undefined {
    if (!this.#isExported) return undefined;
    const epoch = (this.epochs[direction] ?? -1) + changes;
    return { direction, epoch, layer, keys: advance(keys, sequenceNumber) };
  }
}

interface Watched {
  readonly epoch: number;
  readonly keys: Keys;
  ownRecords: bigint;
  /** Of the last record, where records carry one. */
  nonce: Uint8Array | undefined;
}

function isExplicit({ version, aead }: Keys): boolean {
  return recordFraming(version, aead).explicitNonceLength > 0;
}

const headerLength = 5;
const explicitNonceLength = 8;
