import type { SuiteAead } from '../protocol/cipher-suites.ts';
import type { TLSPlaintext } from '../protocol/content-type.ts';
import { ContentType } from '../protocol/content-type.ts';
import { wipeTrafficKeys } from '../record/crypto-info.ts';
import type { RecordOpener } from '../record/protection.ts';
import type { TrafficKeys } from '../record/traffic-keys.ts';
import { type CbcProtection, openCbcRecord } from './cbc-opener.ts';
import type { CaptureCryptography } from './cryptography.ts';
import type { BlockKeys } from './key-derivation.ts';

/** The keys under which one direction's records of one epoch are opened. */
export interface EpochOpener {
  /** Number of the next record. To be set where records are missing. */
  sequenceNumber: bigint;
  /** Opens one whole record. Undefined: it is not the next record under these keys; another may be tried. */
  open(record: Uint8Array): TLSPlaintext | undefined;
  dispose(): void;
}

/** An epoch of one of the AEADs. Owns `keys`. */
export class AeadEpoch implements EpochOpener {
  readonly #cryptography: CaptureCryptography;
  readonly #keys: TrafficKeys;
  readonly #aead: SuiteAead;
  #opener: RecordOpener | undefined;
  #sequenceNumber: bigint;

  constructor(cryptography: CaptureCryptography, keys: TrafficKeys, aead: SuiteAead) {
    this.#cryptography = cryptography;
    this.#keys = keys;
    this.#aead = aead;
    this.#sequenceNumber = keys.sequenceNumber;
  }

  get sequenceNumber(): bigint {
    return this.#sequenceNumber;
  }

  set sequenceNumber(next: bigint) {
    if (next === this.#sequenceNumber) return;
    this.#sequenceNumber = next;
    this.#forgetOpener();
  }

  open(record: Uint8Array): TLSPlaintext | undefined {
    this.#opener ??= this.#cryptography.opener({ ...this.#keys, sequenceNumber: this.#sequenceNumber }, this.#aead);
    const { fault, control, applicationData } = this.#opener.open(record);
    if (fault !== undefined) {
      // An opener is of no use after a fault, as a connection is none. Here there may be other records, or other keys.
      this.#forgetOpener();
      return undefined;
    }
    this.#sequenceNumber++;
    return control ?? { type: ContentType.applicationData, fragment: applicationData ?? new Uint8Array() };
  }

  dispose(): void {
    this.#forgetOpener();
    wipeTrafficKeys(this.#keys);
  }

  #forgetOpener(): void {
    this.#opener?.dispose();
    this.#opener = undefined;
  }
}

/** An epoch of a CBC suite of TLS 1.2. Owns `keys`. */
export class CbcEpoch implements EpochOpener {
  readonly #cryptography: CaptureCryptography;
  readonly #suite: { readonly protection: CbcProtection; readonly keys: BlockKeys; readonly encryptThenMac: boolean };
  sequenceNumber = 0n;

  constructor(
    cryptography: CaptureCryptography,
    suite: { readonly protection: CbcProtection; readonly keys: BlockKeys; readonly encryptThenMac: boolean },
  ) {
    this.#cryptography = cryptography;
    this.#suite = suite;
  }

  open(record: Uint8Array): TLSPlaintext | undefined {
    const opened = openCbcRecord(this.#cryptography, this.#suite, record, this.sequenceNumber);
    if (opened !== undefined) this.sequenceNumber++;
    return opened;
  }

  dispose(): void {
    this.#suite.keys.key.fill(0);
    this.#suite.keys.macKey.fill(0);
  }
}
