import { blockTrafficKeys, keyBlock } from '../../key-schedule/tls12.ts';
import type { MemoryBudget } from '../../pcap/memory-budget.ts';
import type { CipherSuite, SuiteProtection } from '../../protocol/cipher-suites.ts';
import { copySecret } from '../../protocol/secret-bytes.ts';
import type { TrafficKeys } from '../../record/traffic-keys.ts';
import type { Sender } from '../conversation.ts';
import type { CaptureCryptography } from '../cryptography.ts';
import { AeadEpoch } from './aead-epoch.ts';
import { type DirectionKeys, type OpenedRecord, openWith } from './direction-keys.ts';
import type { EpochOpener } from './epoch-opener.ts';
import { CbcEpoch, StreamEpoch } from './mac-epoch.ts';

/** What the keys of TLS 1.0 to 1.2 follow from (RFC 5246 §6.3). */
export interface Tls12Secrets {
  readonly version: number;
  readonly suite: CipherSuite & { readonly protection: SuiteProtection };
  readonly encryptThenMac: boolean;
  readonly randoms: { readonly client: Uint8Array; readonly server: Uint8Array };
  /** Those that may be it: each is tried. */
  readonly masterSecrets: readonly Uint8Array[];
  /** Used where there is no master secret. */
  readonly exported: TrafficKeys | undefined;
}

/** TLS 1.0 to 1.2: other keys with each ChangeCipherSpec, of which only a renegotiation brings a second. */
export class Tls12Keys implements DirectionKeys {
  readonly #cryptography: CaptureCryptography;
  readonly #sender: Sender;
  readonly #guesses: MemoryBudget;
  #epoch = 0;
  /** One for each secret, until one of them opens a record. */
  #candidates: EpochOpener[] = [];

  constructor(cryptography: CaptureCryptography, sender: Sender, guesses: MemoryBudget) {
    this.#cryptography = cryptography;
    this.#sender = sender;
    this.#guesses = guesses;
  }

  /** Whether records are protected now. */
  get active(): boolean {
    return this.#epoch > 0;
  }

  /** ChangeCipherSpec. Without secrets, nothing can be opened from here on. */
  change(secrets: Tls12Secrets | undefined): void {
    this.dispose();
    this.#epoch++;
    this.#candidates = secrets === undefined ? [] : this.#derive(secrets);
  }

  open(record: Uint8Array, lost = 0): OpenedRecord | undefined {
    for (const candidate of this.#candidates) {
      const opened = openWith(candidate, this.#epoch, record, { lost, guesses: this.#guesses });
      if (opened === undefined) continue;
      for (const other of this.#candidates) if (other !== candidate) other.dispose();
      if (this.#candidates.length > 1) this.#candidates = [candidate];
      return opened;
    }
    if (lost === 0) this.skip();
    return undefined;
  }

  skip(): void {
    for (const candidate of this.#candidates) candidate.sequenceNumber++;
  }

  dispose(): void {
    for (const candidate of this.#candidates) candidate.dispose();
    this.#candidates = [];
  }

  #derive({ version, suite, encryptThenMac, randoms, masterSecrets, exported }: Tls12Secrets): EpochOpener[] {
    const { protection, hash } = suite;
    const { hmac } = this.#cryptography;
    const candidates = masterSecrets.map((masterSecret) => {
      const blocks = keyBlock(hmac, { version, hash, protection }, masterSecret, randoms);
      const keys = blocks[this.#sender];
      const { key, macKey, iv } = blocks[this.#sender === 'client' ? 'server' : 'client'];
      for (const unused of [key, macKey, iv]) unused.fill(0);
      if (protection.kind === 'aead') {
        const whole = blockTrafficKeys(protection, keys);
        keys.iv.fill(0);
        return new AeadEpoch(this.#cryptography, whole);
      }
      if (protection.kind === 'cbc') {
        return new CbcEpoch(this.#cryptography, { version, protection, keys, encryptThenMac });
      }
      return new StreamEpoch(this.#cryptography, { version, protection, keys, encryptThenMac });
    });
    if (candidates.length > 0 || protection.kind !== 'aead' || exported?.aead !== protection.aead) return candidates;
    const { tagLength } = protection;
    const { version: ofKeys, aead, key, iv } = exported;
    const keys = { version: ofKeys, aead, tagLength, key: copySecret(key), iv: copySecret(iv) };
    return [new AeadEpoch(this.#cryptography, keys)];
  }
}
