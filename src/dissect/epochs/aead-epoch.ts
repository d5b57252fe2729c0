import type { AeadKeys } from '../../key-schedule/aead-keys.ts';
import type { TLSPlaintext } from '../../protocol/content-type.ts';
import { secretBytes } from '../../protocol/secret-bytes.ts';
import { nonceLength } from '../../record/aead.ts';
import { additionalData, type RecordFraming, recordFraming } from '../../record/framing.ts';
import { headerLength } from '../../record/header.ts';
import { saltLength, setImplicitNonce } from '../../record/nonce.ts';
import type { AeadOpening, CaptureCryptography } from '../cryptography.ts';
import type { EpochOpener } from './epoch-opener.ts';

/** An epoch of one of the AEADs. Owns `keys`. */
export class AeadEpoch implements EpochOpener {
  readonly #keys: AeadKeys;
  readonly #framing: RecordFraming;
  readonly #opening: AeadOpening;
  readonly #nonce = secretBytes(nonceLength);
  sequenceNumber = 0n;

  constructor(cryptography: CaptureCryptography, keys: AeadKeys) {
    this.#keys = keys;
    // RFC 6655 §3, RFC 8446 §5.3: the others are framed as AES-GCM is.
    this.#framing = recordFraming(keys.version, keys.aead === 'chacha20-poly1305' ? keys.aead : 'aes-128-gcm');
    this.#opening = cryptography.aead(keys.aead, keys.key, keys.tagLength);
  }

  open(record: Uint8Array): TLSPlaintext | undefined {
    const { hidesType, explicitNonceLength } = this.#framing;
    const start = headerLength + explicitNonceLength;
    const end = record.length - this.#keys.tagLength;
    if (end < start + (hidesType ? 1 : 0)) return undefined;
    if (explicitNonceLength === 0) setImplicitNonce(this.#nonce, this.#keys.iv, this.sequenceNumber);
    else {
      this.#nonce.set(this.#keys.iv);
      this.#nonce.set(record.subarray(headerLength, start), saltLength);
    }
    const header = record.subarray(0, headerLength);
    const authenticated = additionalData(this.#framing, header, this.sequenceNumber, end - start);
    const plaintext = this.#opening.open(this.#nonce, authenticated, record.subarray(start, end), record.subarray(end));
    if (plaintext === undefined) return undefined;
    this.sequenceNumber++;
    return hidesType ? unwrap(plaintext) : { type: record[0] ?? 0, fragment: plaintext };
  }

  dispose(): void {
    this.#opening.dispose();
    this.#keys.key.fill(0);
    this.#keys.iv.fill(0);
    this.#nonce.fill(0);
  }
}

/** TLS 1.3: content, type, then any number of zeros (RFC 8446 §5.2). Nothing but zeros is a record of no type. */
function unwrap(inner: Uint8Array): TLSPlaintext {
  let end = inner.length - 1;
  while (end >= 0 && inner[end] === 0) end--;
  return { type: inner[end] ?? 0, fragment: inner.subarray(0, Math.max(0, end)) };
}
