import type { ContentTypeByte } from '../protocol/content-type.ts';
import { copySecret, secretBytes } from '../protocol/secret-bytes.ts';
import { type Aead, nonceLength } from './aead.ts';
import { fragmentCount, fragments } from './fragment.ts';
import type { RecordFraming } from './framing.ts';
import { additionalData, outerType, recordFraming } from './framing.ts';
import { headerLength, writeHeader } from './header.ts';
import { countUp, saltLength, setImplicitNonce } from './nonce.ts';
import type { RecordSealer } from './protection.ts';
import { sequenceNumberLimit } from './sequence-number.ts';
import type { TrafficKeys } from './traffic-keys.ts';

type Allocate = (length: number) => Uint8Array;

/** Seals records one by one with an {@link Aead} of the same key. Owns `aead`; `keys` stay the caller's. */
export class SoftwareSealer implements RecordSealer {
  readonly #framing: RecordFraming;
  readonly #aead: Aead;
  readonly #allocate: Allocate;
  readonly #iv: Uint8Array;
  readonly #nonce = secretBytes(nonceLength);
  #sequenceNumber: bigint;

  /** `allocate` may leave old contents in the memory: all of it is overwritten. Zeros cost a tenth of sealing. */
  constructor(keys: Omit<TrafficKeys, 'key'>, aead: Aead, allocate: Allocate = (length) => new Uint8Array(length)) {
    this.#framing = recordFraming(keys.version, keys.aead);
    this.#aead = aead;
    this.#allocate = allocate;
    this.#iv = copySecret(keys.iv);
    this.#sequenceNumber = keys.sequenceNumber;
  }

  get sequenceNumber(): bigint {
    return this.#sequenceNumber;
  }

  sealedLength(length: number): number {
    return length + fragmentCount(length) * this.#framing.overhead;
  }

  seal(type: ContentTypeByte, fragment: Uint8Array): Uint8Array {
    const output = this.#allocate(this.sealedLength(fragment.length));
    this.sealInto(type, fragment, output, 0);
    return output;
  }

  sealInto(type: ContentTypeByte, fragment: Uint8Array, output: Uint8Array, offset: number): number {
    const count = fragmentCount(fragment.length);
    if (this.#sequenceNumber + BigInt(count) > sequenceNumberLimit) {
      throw new RangeError('The sequence numbers of this key are used up');
    }
    let start = offset;
    for (const part of fragments(fragment)) {
      const end = start + part.length + this.#framing.overhead;
      this.#sealRecord(type, part, output.subarray(start, end));
      start = end;
    }
    return start - offset;
  }

  dispose(): void {
    this.#aead.dispose();
    this.#iv.fill(0);
    this.#nonce.fill(0);
  }

  #sealRecord(type: ContentTypeByte, fragment: Uint8Array, output: Uint8Array): void {
    const { explicitNonceLength, hidesType } = this.#framing;
    writeHeader(output, outerType(this.#framing, type), output.length - headerLength);
    const header = output.subarray(0, headerLength);
    const body = output.subarray(headerLength + explicitNonceLength);
    const sequenceNumber = this.#sequenceNumber;
    const nonce = this.#takeNonce();
    output.set(nonce.subarray(saltLength, saltLength + explicitNonceLength), headerLength);
    const plaintext = hidesType ? [fragment, Uint8Array.of(type)] : [fragment];
    this.#aead.seal(nonce, additionalData(this.#framing, header, sequenceNumber, fragment.length), plaintext, body);
  }

  /** Moves on before the nonce is used, so that not even a failure can make it be used again. */
  #takeNonce(): Uint8Array {
    const sequenceNumber = this.#sequenceNumber++;
    if (this.#framing.explicitNonceLength === 0) {
      setImplicitNonce(this.#nonce, this.#iv, sequenceNumber);
    } else {
      this.#nonce.set(this.#iv);
      countUp(this.#iv.subarray(saltLength));
    }
    return this.#nonce;
  }
}
