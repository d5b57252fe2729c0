import { ProtocolVersion } from '../protocol/version.ts';
import { advance, wipeTrafficKeys } from '../record/crypto-info.ts';
import { recordFraming } from '../record/framing.ts';
import { headerLength, readHeader } from '../record/header.ts';
import { maxFragmentLength, type OpenedRecords, type RecordFault, type RecordOpener } from '../record/protection.ts';
import { RecordBuffer } from '../record/record-buffer.ts';
import type { TrafficKeys } from '../record/traffic-keys.ts';
import { KeyUse, recordsPerKey } from './key-use.ts';
import type { KernelPort, OnKeys, RecordLayerName, Refused, SoftwareLayer } from './record-layer.ts';

export type Received =
  /** Records for the engine, which opens them: to be consumed as far as it did. */
  | { readonly kind: 'ciphertext'; readonly records: Uint8Array }
  /** What is no record, for the engine to judge first: it has words for what is another protocol. */
  | { readonly kind: 'garbage'; readonly bytes: Uint8Array; readonly fault: RecordFault }
  | { readonly kind: 'opened'; readonly records: OpenedRecords };

/** The incoming half of a connection. */
export class ReadSide {
  layer: RecordLayerName = 'wasm';
  /** Why the layer is not `kernel`. */
  reason: string | undefined;
  readonly #software: SoftwareLayer;
  readonly #kernel: KernelPort;
  readonly #buffer = new RecordBuffer();
  readonly #keyUsageLimit: number | undefined;
  readonly #onKeys: OnKeys;
  #keyUse: KeyUse | undefined;
  #engineRecords = 0;
  #canRekey = true;
  #opener: RecordOpener | undefined;
  /** Of the opener's records, the length in the header of one without data. */
  #emptyLength = 0;
  /** The opener's keys, where the kernel will have them as soon as nothing that was read ahead is left. */
  #takeover: TrafficKeys | undefined;

  constructor(options: {
    software: SoftwareLayer;
    kernel: KernelPort;
    keyUsageLimit: number | undefined;
    onKeys: OnKeys;
  }) {
    this.#onKeys = options.onKeys;
    this.#keyUsageLimit = options.keyUsageLimit;
    this.#software = options.software;
    this.#kernel = options.kernel;
  }

  /** Number of the next record; undefined where the layer does not tell. */
  get sequenceNumber(): bigint | undefined {
    return this.layer === 'kernel' ? this.#kernel.sequenceNumber('read') : this.#opener?.sequenceNumber;
  }

  get partial(): number {
    return this.#buffer.length;
  }

  /** Up to the next record boundary while the kernel may still take over there; unlimited when there is nothing to keep from. */
  get wanted(): number {
    const kernelMayFollow = this.layer === 'wasm' ? this.#kernel.mayRead : this.awaitsKernel;
    return kernelMayFollow ? this.#buffer.missing : Number.POSITIVE_INFINITY;
  }

  /** The kernel will take over at the next record boundary at which nothing has been read ahead. */
  get awaitsKernel(): boolean {
    return this.#takeover !== undefined;
  }

  /** To be told of application data that was received: true once, when the keys have been used as often as they may. */
  usesUp(bytes: number): boolean {
    return this.#keyUse?.add(bytes) ?? false;
  }

  /** Whether the keys in use can be followed by others. */
  get canRekey(): boolean {
    return this.#canRekey;
  }

  push(bytes: Uint8Array, room: number): void {
    this.#buffer.push(bytes, room);
  }

  /** Copies what is left of pushed bytes. */
  retain(): void {
    if (!this.#buffer.isEmpty) this.#buffer.retain();
  }

  /** The next thing that is whole, or undefined. Of records for the engine, as many as fit in `mostBytes`, but at least one. */
  next(mostBytes: number): Received | undefined {
    if (this.#buffer.isEmpty) return undefined;
    if (this.#opener) {
      const input = this.#buffer.wholeRecords();
      if (!input) return this.#fault();
      const records = this.#opener.open(delivery(input, this.#emptyLength));
      this.#buffer.consume(records.consumed);
      return { kind: 'opened', records };
    }
    const records = this.#buffer.leadingRecords(mostBytes);
    if (records) return { kind: 'ciphertext', records };
    const { fault } = this.#buffer;
    return fault && { kind: 'garbage', bytes: this.#buffer.takeAll().subarray(0, judged), fault };
  }

  /** Drops so many bytes of the records that the engine was given. */
  consume(length: number): void {
    this.#buffer.consume(length);
  }

  /** Drops all that was received and not opened. */
  discard(): void {
    this.#buffer.takeAll();
  }

  /** OpenSSL itself opens this direction's records, from the first of a key on. */
  countForEngine(limit: number): void {
    this.#engineRecords = 0;
    this.#keyUse = new KeyUse(this.#keyUsageLimit ?? limit, 0n, () => BigInt(this.#engineRecords));
  }

  /** To be told of a record with data that OpenSSL opened: true once, when the keys have been used as often as they may. */
  engineUsesUp(bytes: number): boolean {
    this.#engineRecords++;
    return this.usesUp(bytes);
  }

  /** At a record boundary: all records from here on are under these keys, which are wiped. A refusal is final. */
  installKeys(keys: TrafficKeys): Refused | undefined {
    const isCarried = this.layer === 'kernel';
    const refused = isCarried ? undefined : this.#kernel.refuses('read', keys, 0);
    const isReadAhead = !this.#buffer.isEmpty;
    const refusal = refused ?? (isReadAhead ? readAhead : this.#kernel.install('read', keys));
    if (refusal && isCarried) {
      wipeTrafficKeys(keys);
      return refusal;
    }
    this.#giveUpOpener();
    this.#countUse(keys);
    if (!refusal) {
      this.#becomeKernel(keys);
    } else {
      this.layer = 'native';
      this.reason = refusal.refused;
      this.#canRekey = keys.version === ProtocolVersion.tls13;
      this.#opener = this.#software.opener(keys);
      this.#emptyLength = recordFraming(keys.version, keys.aead).overhead - headerLength;
      this.#buffer.version = keys.version;
      if (refusal === readAhead) this.#takeover = advance(keys, keys.sequenceNumber);
    }
    this.#onKeys(keys, this.layer);
    wipeTrafficKeys(keys);
    return undefined;
  }

  /** Hands over to the kernel if it is time: true when that was decided either way. */
  takeOver(): boolean {
    const keys = this.#takeover;
    if (!keys || !this.#opener || !this.#buffer.isEmpty) return false;
    this.#takeover = undefined;
    const next = advance(keys, this.#opener.sequenceNumber);
    const refused = this.#kernel.install('read', next);
    if (refused) {
      this.reason = refused.refused;
    } else {
      this.#giveUpOpener();
      this.#becomeKernel(next);
    }
    wipeTrafficKeys(next);
    wipeTrafficKeys(keys);
    return true;
  }

  dispose(): void {
    this.#giveUpOpener();
  }

  #becomeKernel(keys: TrafficKeys): void {
    this.layer = 'kernel';
    this.reason = undefined;
    this.#canRekey = this.#kernel.rekeys(keys);
  }

  #giveUpOpener(): void {
    this.#opener?.dispose();
    this.#opener = undefined;
    if (this.#takeover) wipeTrafficKeys(this.#takeover);
    this.#takeover = undefined;
  }

  /** Through to the next keys: a takeover by the kernel goes on counting. */
  #countUse({ aead, sequenceNumber }: TrafficKeys): void {
    this.#keyUse = new KeyUse(this.#keyUsageLimit ?? recordsPerKey(aead), sequenceNumber, () => this.sequenceNumber);
  }

  #fault(): Received | undefined {
    const { fault } = this.#buffer;
    if (!fault) return undefined;
    return { kind: 'opened', records: { consumed: 0, applicationData: undefined, control: undefined, fault } };
  }
}

/**
 * Of whole records, those whose data is told at once: up to the first that is not full. Who writes no more than a record holds sends a record
 * for each write, and node:tls tells each by itself, however they came; what is longer was cut by the sender, and may be joined.
 */
function delivery(records: Uint8Array, emptyLength: number): Uint8Array {
  let end = 0;
  for (let header = readHeader(records, 0); header !== undefined; header = readHeader(records, end)) {
    end += headerLength + header.length;
    // Of one that is empty nobody is told.
    if (header.length <= maxFragmentLength && header.length > emptyLength) break;
  }
  return end === records.length ? records : records.subarray(0, end);
}

/** As much as OpenSSL needs to see to say what is wrong with a header. */
const judged = 16;

const readAhead: Refused = { refused: 'records behind the handshake had been read already; the kernel follows them' };
