import type { CipherSuite, SuiteProtection } from '../protocol/cipher-suites.ts';
import { copySecret } from '../protocol/secret-bytes.ts';
import type { TrafficKeys } from '../record/traffic-keys.ts';
import type { Sender } from './conversation.ts';
import type { CaptureCryptography } from './cryptography.ts';
import { type DirectionKeys, type OpenedRecord, openWith } from './direction-keys.ts';
import { AeadEpoch, CbcEpoch, type EpochOpener } from './epoch-opener.ts';
import { blockTrafficKeys, keyBlock } from './key-derivation.ts';

/** What TLS 1.2's keys follow from (RFC 5246 §6.3). */
export interface Tls12Secrets {
  readonly suite: CipherSuite & { readonly protection: SuiteProtection };
  readonly encryptThenMac: boolean;
  readonly randoms: { readonly client: Uint8Array; readonly server: Uint8Array };
  readonly masterSecret: Uint8Array | undefined;
  /** Used where there is no master secret. */
  readonly exported: TrafficKeys | undefined;
}

/** TLS 1.2: other keys with each ChangeCipherSpec, of which only a renegotiation brings a second. */
export class Tls12Keys implements DirectionKeys {
  readonly #cryptography: CaptureCryptography;
  readonly #sender: Sender;
  #epoch = 0;
  #keys: EpochOpener | undefined;

  constructor(cryptography: CaptureCryptography, sender: Sender) {
    this.#cryptography = cryptography;
    this.#sender = sender;
  }

  /** Whether records are protected now. */
  get active(): boolean {
    return this.#epoch > 0;
  }

  /** ChangeCipherSpec. Without secrets, nothing can be opened from here on. */
  change(secrets: Tls12Secrets | undefined): void {
    this.#keys?.dispose();
    this.#epoch++;
    this.#keys = secrets && this.#derive(secrets);
  }

  open(record: Uint8Array, lost = 0): OpenedRecord | undefined {
    const opened = this.#keys && openWith(this.#keys, this.#epoch, record, lost);
    if (opened === undefined && lost === 0) this.skip();
    return opened;
  }

  skip(): void {
    if (this.#keys) this.#keys.sequenceNumber++;
  }

  dispose(): void {
    this.#keys?.dispose();
  }

  #derive({ suite, encryptThenMac, randoms, masterSecret, exported }: Tls12Secrets): EpochOpener | undefined {
    const { protection, hash } = suite;
    if (masterSecret === undefined) {
      if (exported === undefined || protection.kind !== 'aead' || exported.aead !== protection.aead) return undefined;
      const keys = { ...exported, key: copySecret(exported.key), iv: copySecret(exported.iv), sequenceNumber: 0n };
      return new AeadEpoch(this.#cryptography, keys, protection.aead);
    }
    const keys = keyBlock(this.#cryptography.hmac, { hash, protection }, masterSecret, randoms)[this.#sender];
    return protection.kind === 'aead'
      ? new AeadEpoch(this.#cryptography, blockTrafficKeys(protection.aead, keys), protection.aead)
      : new CbcEpoch(this.#cryptography, { protection, keys, encryptThenMac });
  }
}
