import type { AlertDescription } from '../protocol/alert.ts';
import { Alert } from '../protocol/alert.ts';
import type { ContentTypeByte, TLSPlaintext } from '../protocol/content-type.ts';
import { ContentType } from '../protocol/content-type.ts';
import { copySecret, secretBytes } from '../protocol/secret-bytes.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import type { Aead } from './aead.ts';
import { nonceLength, tagLength } from './aead.ts';
import type { RecordFraming } from './framing.ts';
import { additionalData, recordFraming } from './framing.ts';
import type { RecordHeader } from './header.ts';
import { headerLength, readHeader } from './header.ts';
import { saltLength, setImplicitNonce } from './nonce.ts';
import type { OpenedRecords, RecordFault, RecordOpener } from './protection.ts';
import { maxFragmentLength } from './protection.ts';
import { sequenceNumberLimit } from './sequence-number.ts';
import type { TrafficKeys } from './traffic-keys.ts';

/** Opens records one by one, one for each call, with an {@link Aead} of the same key. Owns `aead`; `keys` stay the caller's. */
export class SoftwareOpener implements RecordOpener {
  readonly #framing: RecordFraming;
  readonly #aead: Aead;
  readonly #iv: Uint8Array;
  readonly #nonce = secretBytes(nonceLength);
  #sequenceNumber: bigint;
  #emptyRecords = 0;
  #fault: RecordFault | undefined;

  constructor(keys: Omit<TrafficKeys, 'key'>, aead: Aead) {
    this.#framing = recordFraming(keys.version, keys.aead);
    this.#aead = aead;
    this.#iv = copySecret(keys.iv);
    this.#sequenceNumber = keys.sequenceNumber;
  }

  get sequenceNumber(): bigint {
    return this.#sequenceNumber;
  }

  open(input: Uint8Array): OpenedRecords {
    let applicationData: Uint8Array | undefined;
    let control: TLSPlaintext | undefined;
    let consumed = 0;
    // Past empty records only: joining the data of several would copy each byte once more.
    while (!applicationData?.length && !control && !this.#fault) {
      const header = readHeader(input, consumed);
      if (header === undefined) break;
      // Judged before the rest of the record is there: nobody has to wait for, or store, what is refused anyway.
      this.#fault = this.#judgeHeader(header);
      const end = consumed + headerLength + header.length;
      if (this.#fault !== undefined || end > input.length) break;

      const opened = this.#openRecord(header.type, input.subarray(consumed, end));
      if ('alert' in opened) {
        this.#fault = opened;
        break;
      }
      consumed = end;
      if (opened.type === ContentType.applicationData) {
        applicationData = opened.fragment;
      } else {
        control = opened;
      }
    }
    return { consumed, applicationData, control, fault: this.#fault };
  }

  dispose(): void {
    this.#aead.dispose();
    this.#iv.fill(0);
    this.#nonce.fill(0);
  }

  #judgeHeader({ type, version, length }: RecordHeader): RecordFault | undefined {
    if (this.#framing.hidesType && type !== ContentType.applicationData) {
      // RFC 8446 §5: also change_cipher_spec, once the handshake is over, and an alert that is not encrypted.
      return fault(Alert.unexpectedMessage, `record of type ${type} without protection`);
    }
    if (version !== ProtocolVersion.tls12) {
      return fault(Alert.decodeError, `record of version 0x${version.toString(16).padStart(4, '0')}`);
    }
    if (length > this.#framing.maxCiphertextLength) {
      return fault(Alert.recordOverflow, `record of ${length} bytes`);
    }
    return undefined;
  }

  #openRecord(outerType: ContentTypeByte, record: Uint8Array): TLSPlaintext | RecordFault {
    if (this.#sequenceNumber >= sequenceNumberLimit) {
      return fault(Alert.internalError, 'the sequence numbers of this key are used up');
    }
    const plaintext = this.#decrypt(record);
    // One answer for every way of not fitting (RFC 8446 §5.2, RFC 5246 §7.2.2), and for a record too short to hold
    // a tag, as OpenSSL gives it.
    if (plaintext === undefined) return fault(Alert.badRecordMac, 'record that does not authenticate');
    this.#sequenceNumber++;
    const opened = this.#framing.hidesType ? unwrapInnerPlaintext(plaintext) : unwrap(outerType, plaintext);
    return 'alert' in opened ? opened : this.#countEmpty(opened);
  }

  #decrypt(record: Uint8Array): Uint8Array | undefined {
    const explicitEnd = headerLength + this.#framing.explicitNonceLength;
    const tagStart = record.length - tagLength;
    const ciphertext = record.subarray(explicitEnd, Math.max(explicitEnd, tagStart));
    if (tagStart < explicitEnd + (this.#framing.hidesType ? 1 : 0)) return undefined;
    const header = record.subarray(0, headerLength);
    const nonce = this.#nonce;
    if (this.#framing.explicitNonceLength === 0) {
      setImplicitNonce(nonce, this.#iv, this.#sequenceNumber);
    } else {
      nonce.set(this.#iv);
      nonce.set(record.subarray(headerLength, explicitEnd), saltLength);
    }
    const authenticated = additionalData(this.#framing, header, this.#sequenceNumber, ciphertext.length);
    return this.#aead.open(nonce, authenticated, ciphertext, record.subarray(tagStart));
  }

  /** A flood of empty records makes us work without ever getting anywhere; OpenSSL draws the line at the same count. */
  #countEmpty(record: TLSPlaintext): TLSPlaintext | RecordFault {
    const isEmpty = record.type === ContentType.applicationData && record.fragment.length === 0;
    this.#emptyRecords = isEmpty ? this.#emptyRecords + 1 : 0;
    if (this.#emptyRecords <= maxEmptyRecords) return record;
    return fault(Alert.unexpectedMessage, `more than ${maxEmptyRecords} empty records in a row`);
  }
}

/** TLS 1.3: content, type, then any number of zeros (RFC 8446 §5.2, struct TLSInnerPlaintext). */
function unwrapInnerPlaintext(inner: Uint8Array): TLSPlaintext | RecordFault {
  // RFC 8446 §5.4: the limit is one for content, type and padding together.
  if (inner.length > maxFragmentLength + 1) return overflow(inner.length - 1);
  let end = inner.length - 1;
  while (end >= 0 && inner[end] === 0) end--;
  const type = inner[end];
  if (type === undefined) return fault(Alert.unexpectedMessage, 'record of nothing but padding');
  const fragment = inner.subarray(0, end);
  const isControl = type === ContentType.handshake || type === ContentType.alert;
  if (isControl && fragment.length === 0) {
    // RFC 8446 §5.1: only application data may be empty.
    return fault(Alert.unexpectedMessage, `empty record of type ${type}`);
  }
  return { type, fragment };
}

function unwrap(type: ContentTypeByte, fragment: Uint8Array): TLSPlaintext | RecordFault {
  return fragment.length > maxFragmentLength ? overflow(fragment.length) : { type, fragment };
}

/** RFC 8446 §5.2, RFC 5246 §7.2.2. */
function overflow(length: number): RecordFault {
  return fault(Alert.recordOverflow, `record with ${length} bytes of plaintext, at most ${maxFragmentLength} allowed`);
}

function fault(alert: AlertDescription, reason: string): RecordFault {
  return { alert, reason };
}

/** OpenSSL: MAX_EMPTY_RECORDS. */
const maxEmptyRecords = 32;
