import { nextTrafficSecret } from '../keys/key-schedule.ts';
import type { SuiteAead } from '../protocol/cipher-suites.ts';
import { copySecret } from '../protocol/secret-bytes.ts';
import type { CaptureCryptography } from './cryptography.ts';
import { type DirectionKeys, type OpenedRecord, openWith } from './direction-keys.ts';
import { AeadEpoch } from './epoch-opener.ts';
import { trafficKeys } from './key-derivation.ts';

/** Epochs of TLS 1.3, by RFC 9147 §6.1. */
export const Epoch = { early: 1, handshake: 2, application: 3 } as const;

/** What one direction's keys follow from. */
export interface Tls13Secrets {
  readonly hash: 'sha256' | 'sha384';
  readonly aead: SuiteAead;
  /** Traffic secrets that are known, by epoch. */
  readonly byEpoch: ReadonlyMap<number, Uint8Array>;
}

/**
 * TLS 1.3: one epoch after the other. The messages that change keys say when ({@link enter}); where they could not be read, or secrets are
 * missing, the first record that an epoch opens shows that it has begun.
 */
export class Tls13Keys implements DirectionKeys {
  readonly #cryptography: CaptureCryptography;
  readonly #secrets: Tls13Secrets;
  #current: Current = { epoch: 0, keys: undefined, secret: undefined };

  constructor(cryptography: CaptureCryptography, secrets: Tls13Secrets) {
    this.#cryptography = cryptography;
    this.#secrets = secrets;
  }

  get epoch(): number {
    return this.#current.epoch;
  }

  open(record: Uint8Array, lost = 0): OpenedRecord | undefined {
    const { keys, epoch } = this.#current;
    const opened = keys && openWith(keys, epoch, record, lost);
    if (opened !== undefined) return opened;
    for (const later of this.#laterEpochs()) {
      const found = later.keys && openWith(later.keys, later.epoch, record, lost);
      if (found !== undefined) {
        this.#become(later);
        return found;
      }
      forget(later);
    }
    if (lost === 0) this.skip();
    return undefined;
  }

  /** A message has changed the keys: the next record has those of `epoch`. */
  enter(epoch: number): void {
    const secret = this.#secretOf(epoch);
    this.#become(secret ? this.#begin(epoch, secret) : { epoch, keys: undefined, secret: undefined });
  }

  skip(): void {
    const { keys } = this.#current;
    if (keys) keys.sequenceNumber++;
  }

  dispose(): void {
    forget(this.#current);
    for (const secret of this.#secrets.byEpoch.values()) secret.fill(0);
  }

  /** Epochs that may have begun unseen. */
  *#laterEpochs(): Generator<Current, void> {
    const { epoch } = this.#current;
    const known = [...this.#secrets.byEpoch.keys()].filter((other) => other > epoch).sort((one, other) => one - other);
    // A KeyUpdate may have been in what the capture lacks.
    if (epoch >= Epoch.application && !known.includes(epoch + 1)) known.unshift(epoch + 1);
    for (const later of known) {
      const secret = this.#secretOf(later);
      if (secret === undefined) continue;
      try {
        for (const aead of this.#aeadsOf(later, secret)) yield this.#begin(later, copySecret(secret), aead);
      } finally {
        secret.fill(0);
      }
    }
  }

  /** Early data has the suite of the session that is resumed. The server may choose another one, and refuse the data by that. */
  #aeadsOf(epoch: number, secret: Uint8Array): readonly SuiteAead[] {
    const { aead } = this.#secrets;
    if (epoch !== Epoch.early) return [aead];
    if (secret.length === hashLength384) return ['aes-256-gcm'];
    return [aead, ...sha256Aeads.filter((other) => other !== aead)];
  }

  /** A copy; undefined if it does not follow from what is known. */
  #secretOf(epoch: number): Uint8Array | undefined {
    const known = this.#secrets.byEpoch.get(epoch);
    if (known !== undefined) return copySecret(known);
    const { secret, epoch: currentEpoch } = this.#current;
    if (epoch <= Epoch.application || epoch !== currentEpoch + 1 || secret === undefined) return undefined;
    return nextTrafficSecret(this.#secrets.hash, secret);
  }

  /** Owns `secret`. */
  #begin(epoch: number, secret: Uint8Array, aead: SuiteAead = this.#secrets.aead): Current {
    const hash = secret.length === hashLength384 ? 'sha384' : 'sha256';
    return {
      epoch,
      secret,
      keys: new AeadEpoch(this.#cryptography, trafficKeys(hash, aead, secret), aead),
    };
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

/** Of TLS 1.3's suites with SHA-256 (RFC 8446 §B.4). */
const sha256Aeads: readonly SuiteAead[] = ['aes-128-gcm', 'chacha20-poly1305', 'aes-128-ccm'];

const hashLength384 = 48;
