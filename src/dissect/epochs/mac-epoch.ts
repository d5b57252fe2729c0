import type { BlockKeys } from '../../key-schedule/tls12.ts';
import type { SuiteProtection } from '../../protocol/cipher-suites.ts';
import type { TLSPlaintext } from '../../protocol/content-type.ts';
import { TlsVersion } from '../../protocol/tls-version.ts';
import { headerLength } from '../../record/header.ts';
import { encodeUint64 } from '../../record/sequence-number.ts';
import type { CaptureCryptography } from '../cryptography.ts';
import type { EpochOpener } from './epoch-opener.ts';
import { Rc4 } from './rc4.ts';

type CbcProtection = Extract<SuiteProtection, { kind: 'cbc' }>;
type StreamProtection = Extract<SuiteProtection, { kind: 'stream' }>;

/** What the epochs of suites with a MAC are made with. They own `keys`. */
export interface MacSetting<Protection> {
  readonly version: number;
  readonly protection: Protection;
  readonly keys: BlockKeys;
  readonly encryptThenMac: boolean;
}

/**
 * An epoch of a CBC suite of TLS 1.0 to 1.2 (RFC 5246 §6.2.3.2), with encrypt-then-MAC (RFC 7366 §3) or without. Nobody measures how long
 * opening takes: there is no peer to be told, so nothing is done to take the same time always.
 */
export class CbcEpoch implements EpochOpener {
  readonly #cryptography: CaptureCryptography;
  readonly #setting: MacSetting<CbcProtection>;
  /** TLS 1.0 begins where the record before ended (RFC 2246 §6.2.3.2). A record may be tried several times: then it is the same object. */
  #chain: { readonly record: Uint8Array | undefined; readonly iv: Uint8Array };
  sequenceNumber = 0n;

  constructor(cryptography: CaptureCryptography, setting: MacSetting<CbcProtection>) {
    this.#cryptography = cryptography;
    this.#setting = setting;
    this.#chain = { record: undefined, iv: setting.keys.iv };
  }

  open(record: Uint8Array): TLSPlaintext | undefined {
    const { protection, keys, encryptThenMac, version } = this.#setting;
    const { blockLength, macLength } = protection;
    const body = record.subarray(headerLength);
    const encrypted = body.subarray(0, Math.max(0, body.length - (encryptThenMac ? macLength : 0)));
    const ivLength = version === TlsVersion.tls10 ? 0 : blockLength;
    const iv =
      ivLength > 0 ? encrypted.subarray(0, ivLength) : this.#ivBefore(record, encrypted.subarray(-blockLength));
    if (encrypted.length < ivLength + blockLength || encrypted.length % blockLength !== 0) return undefined;
    if (encryptThenMac && !this.#isAuthentic(record, encrypted, body.subarray(encrypted.length))) return undefined;

    const ciphertext = encrypted.subarray(ivLength);
    const padded = this.#cryptography.decryptBlocks(protection.cipher, keys.key, iv, ciphertext);
    const padding = padded.at(-1) ?? 0;
    const end = padded.length - 1 - padding;
    if (end < 0 || !padded.subarray(end).every((byte) => byte === padding)) return undefined;
    const contentEnd = encryptThenMac ? end : end - macLength;
    if (contentEnd < 0) return undefined;
    const fragment = padded.subarray(0, contentEnd);
    if (!encryptThenMac && !this.#isAuthentic(record, fragment, padded.subarray(contentEnd, end))) return undefined;
    this.sequenceNumber++;
    return { type: record[0] ?? 0, fragment };
  }

  dispose(): void {
    wipe(this.#setting.keys);
  }

  #ivBefore(record: Uint8Array, last: Uint8Array): Uint8Array {
    if (this.#chain.record === record) return this.#chain.iv;
    const iv = this.#chain.record === undefined ? this.#chain.iv : this.#lastBlock;
    this.#chain = { record, iv };
    this.#lastBlock = last.slice();
    return iv;
  }

  #lastBlock: Uint8Array = new Uint8Array();

  #isAuthentic(record: Uint8Array, content: Uint8Array, tag: Uint8Array): boolean {
    const { protection, keys } = this.#setting;
    return isAuthentic(this.#cryptography, { mac: protection.mac, key: keys.macKey }, this.sequenceNumber, {
      record,
      content,
      tag,
    });
  }
}

/** An epoch of a suite with a stream cipher (RC4) or with none (NULL), in TLS 1.0 to 1.2 (RFC 5246 §6.2.3.1). */
export class StreamEpoch implements EpochOpener {
  readonly #cryptography: CaptureCryptography;
  readonly #setting: MacSetting<StreamProtection>;
  #cipher: Rc4 | undefined;
  sequenceNumber = 0n;

  constructor(cryptography: CaptureCryptography, setting: MacSetting<StreamProtection>) {
    this.#cryptography = cryptography;
    this.#setting = setting;
    this.#cipher = setting.protection.cipher === 'rc4' ? new Rc4(setting.keys.key) : undefined;
  }

  open(record: Uint8Array): TLSPlaintext | undefined {
    const { protection, keys } = this.#setting;
    // Another try at a record must find the cipher where it was.
    const cipher = this.#cipher?.copy();
    const body = cipher?.apply(record.subarray(headerLength)) ?? record.slice(headerLength);
    const end = body.length - protection.macLength;
    if (end < 0) return undefined;
    const parts = { record, content: body.subarray(0, end), tag: body.subarray(end) };
    if (!isAuthentic(this.#cryptography, { mac: protection.mac, key: keys.macKey }, this.sequenceNumber, parts)) {
      cipher?.dispose();
      return undefined;
    }
    this.#cipher?.dispose();
    this.#cipher = cipher;
    this.sequenceNumber++;
    return { type: record[0] ?? 0, fragment: parts.content };
  }

  dispose(): void {
    this.#cipher?.dispose();
    wipe(this.#setting.keys);
  }
}

/** RFC 5246 §6.2.3.1: the number, and a header with the length of what is authenticated. */
function isAuthentic(
  { hmac }: CaptureCryptography,
  { mac, key }: { readonly mac: CbcProtection['mac']; readonly key: Uint8Array },
  sequenceNumber: bigint,
  { record, content, tag }: { record: Uint8Array; content: Uint8Array; tag: Uint8Array },
): boolean {
  const pseudoHeader = record.slice(0, headerLength);
  pseudoHeader[3] = content.length >> 8;
  pseudoHeader[4] = content.length & 0xff;
  const expected = hmac(mac, key, [encodeUint64(sequenceNumber), pseudoHeader, content]);
  return tag.length === expected.length && expected.every((byte, at) => byte === tag[at]);
}

function wipe({ key, macKey, iv }: BlockKeys): void {
  for (const secret of [key, macKey, iv]) secret.fill(0);
}
