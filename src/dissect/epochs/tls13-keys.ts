import type { AeadProtection } from '../../key-schedule/aead-keys.ts';
import { nextTrafficSecret, trafficKeys } from '../../key-schedule/tls13.ts';
import type { MemoryBudget } from '../../pcap/memory-budget.ts';
import { copySecret } from '../../protocol/secret-bytes.ts';
import type { CaptureCryptography } from '../cryptography.ts';
import { AeadEpoch } from './aead-epoch.ts';
import { type DirectionKeys, type OpenedRecord, openWith } from './direction-keys.ts';

/** Epochs of TLS 1.3, by RFC 9147 §6.1. */
export const Epoch = { early: 1, handshake: 2, application: 3 } as const;

/** What one direction's keys follow from. */
export interface Tls13Secrets {
  readonly hash: 'sha256' | 'sha384';
  readonly protection: AeadProtection;
  /** Traffic secrets that are known, by epoch: where there are several, each is tried. */
  readonly byEpoch: ReadonlyMap<number, readonly Uint8Array[]>;
}

/**
 * TLS 1.3: one epoch after the other. The messages that change keys say when ({@link enter}); where they could not be read, or secrets are
 * missing, the first record that an epoch opens shows that it has begun.
 */
export class Tls13Keys implements DirectionKeys {
  readonly #cryptography: CaptureCryptography;
  readonly #secrets: Tls13Secrets;
  readonly #guesses: MemoryBudget;
  #current: Current = { epoch: 0, keys: undefined, secret: undefined };
  /** Records in a row that nothing opened. */
  #failures = 0;

  constructor(cryptography: CaptureCryptography, secrets: Tls13Secrets, guesses: MemoryBudget) {
    this.#cryptography = cryptography;
    this.#secrets = secrets;
    this.#guesses = guesses;
  }

  get epoch(): number {
    return this.#current.epoch;
  }

  open(record: Uint8Array, lost = 0): OpenedRecord | undefined {
    const { keys, epoch } = this.#current;
    const search = { lost, guesses: this.#guesses };
    const opened = keys && openWith(keys, epoch, record, search);
    if (opened !== undefined) {
      this.#failures = 0;
      return opened;
    }
    // A key for each of so many records that are none of ours would cost much more than they do.
    if (lost === 0 && ++this.#failures > maxFailures) {
      this.skip();
      return undefined;
    }
    for (const later of this.#laterEpochs()) {
      const found = later.keys && openWith(later.keys, later.epoch, record, search);
      if (found !== undefined) {
        this.#become(later);
        this.#failures = 0;
        return found;
      }
      forget(later);
    }
    if (lost === 0) this.skip();
    return undefined;
  }

  /** A message has changed the keys: the next record has those of `epoch`. */
  enter(epoch: number): void {
    const [secret, ...others] = this.#secretsOf(epoch);
    if (secret !== undefined && others.length === 0) {
      this.#become(this.#begin(epoch, secret));
      return;
    }
    for (const each of [secret, ...others]) each?.fill(0);
    this.#become({ epoch, keys: undefined, secret: undefined });
  }

  skip(): void {
    const { keys } = this.#current;
    if (keys) keys.sequenceNumber++;
  }

  dispose(): void {
    forget(this.#current);
    for (const secrets of this.#secrets.byEpoch.values()) for (const secret of secrets) secret.fill(0);
  }

  /** Epochs that may have begun unseen, and the one that has begun if it is not known which secret is its. */
  *#laterEpochs(): Generator<Current, void> {
    const { epoch, keys } = this.#current;
    const first = keys === undefined ? epoch : epoch + 1;
    const known = [...this.#secrets.byEpoch.keys()].filter((other) => other >= first).sort((one, other) => one - other);
    // A KeyUpdate may have been in what the capture lacks.
    if (epoch >= Epoch.application && !known.includes(epoch + 1)) known.unshift(epoch + 1);
    for (const later of known) {
      const secrets = this.#secretsOf(later);
      try {
        for (const secret of secrets) {
          for (const protection of this.#protectionsOf(later, secret)) {
            yield this.#begin(later, copySecret(secret), protection);
          }
        }
      } finally {
        for (const secret of secrets) secret.fill(0);
      }
    }
  }

  /** Early data has the suite of the session that is resumed. The server may choose another one, and refuse the data by that. */
  #protectionsOf(epoch: number, secret: Uint8Array): readonly AeadProtection[] {
    const { protection } = this.#secrets;
    if (epoch !== Epoch.early) return [protection];
    if (secret.length === hashLength384) return [aes256Gcm];
    const isSame = ({ aead, tagLength }: AeadProtection): boolean =>
      aead === protection.aead && tagLength === protection.tagLength;
    return [protection, ...sha256Aeads.filter((other) => !isSame(other))];
  }

  /** Copies; none if it does not follow from what is known. */
  #secretsOf(epoch: number): Uint8Array[] {
    const known = this.#secrets.byEpoch.get(epoch);
    if (known !== undefined) return known.map(copySecret);
    const { secret, epoch: currentEpoch } = this.#current;
    if (epoch <= Epoch.application || epoch !== currentEpoch + 1 || secret === undefined) return [];
    return [nextTrafficSecret(this.#cryptography.hmac, this.#secrets.hash, secret)];
  }

  /** Owns `secret`. */
  #begin(epoch: number, secret: Uint8Array, protection: AeadProtection = this.#secrets.protection): Current {
    const hash = secret.length === hashLength384 ? 'sha384' : 'sha256';
    const keys = trafficKeys(this.#cryptography.hmac, hash, protection, secret);
    return { epoch, secret, keys: new AeadEpoch(this.#cryptography, keys) };
  }

  #become(next: Current): void {
    forget(this.#current);
    this.#current = next;
  }
}

interface Current {
  readonly epoch: number;
  readonly keys: AeadEpoch | undefined;
  readonly secret: Uint8Array | undefined;
}

function forget({ keys, secret }: Current): void {
  keys?.dispose();
  secret?.fill(0);
}

const aes256Gcm: AeadProtection = { kind: 'aead', aead: 'aes-256-gcm', keyLength: 32, tagLength: 16 };

/** Of TLS 1.3's suites with SHA-256 (RFC 8446 §B.4). */
const sha256Aeads: readonly AeadProtection[] = [
  { kind: 'aead', aead: 'aes-128-gcm', keyLength: 16, tagLength: 16 },
  { kind: 'aead', aead: 'chacha20-poly1305', keyLength: 32, tagLength: 16 },
  { kind: 'aead', aead: 'aes-128-ccm', keyLength: 16, tagLength: 16 },
  { kind: 'aead', aead: 'aes-128-ccm', keyLength: 16, tagLength: 8 },
];

const hashLength384 = 48;
/** More than early data that nobody can open. */
const maxFailures = 8192;
