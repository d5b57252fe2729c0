import type { CipherSuite, Negotiated } from '../../connection/negotiated.ts';
import { certificates } from './certificate-list.ts';

/** What wasm/inspect.c says is agreed on. The bytes are its own; texts are read when they are asked for, since most never are. */
export class NegotiatedFacts implements Negotiated {
  readonly version: number;
  readonly maxFragmentLength: number;
  readonly verifyResult: number;
  readonly sessionReused: boolean;
  readonly #bytes: Uint8Array;
  /** Where each field begins, with its length in front; the chain is behind the last. */
  readonly #fields: readonly number[];

  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.version = view.getUint16(0, true);
    this.maxFragmentLength = view.getUint16(2, true);
    this.verifyResult = view.getUint32(4, true);
    this.sessionReused = view.getUint32(8, true) === 1;
    this.#bytes = bytes;
    const fields = [headLength];
    for (let at = headLength; fields.length <= Field.chain; fields.push(at)) at += 4 + view.getUint32(at, true);
    this.#fields = fields;
  }

  get cipher(): CipherSuite | undefined {
    const name = this.#text(Field.cipher);
    if (name === undefined) return undefined;
    return {
      name,
      standardName: this.#text(Field.standardName) ?? '',
      version: this.#text(Field.cipherVersion) ?? '',
    };
  }

  get group(): string | undefined {
    return this.#text(Field.group);
  }

  get signatureScheme(): string | undefined {
    return this.#text(Field.signatureScheme);
  }

  get serverName(): string | undefined {
    const bytes = this.#field(Field.serverName);
    return bytes.length > 0 ? byteText(bytes) : undefined;
  }

  get alpn(): string | undefined {
    const bytes = this.#field(Field.alpn);
    return bytes.length > 0 ? byteText(bytes) : undefined;
  }

  get clientRandom(): Uint8Array {
    return this.#field(Field.clientRandom).slice();
  }

  get serverRandom(): Uint8Array {
    return this.#field(Field.serverRandom).slice();
  }

  get verifyText(): string {
    return this.#text(Field.verifyText) ?? '';
  }

  get peerChain(): readonly Uint8Array[] {
    return certificates(this.#bytes.subarray(this.#fields[Field.chain]));
  }

  #text(field: Field): string | undefined {
    const bytes = this.#field(field);
    return bytes.length > 0 ? decoder.decode(bytes) : undefined;
  }

  #field(field: Field): Uint8Array {
    const [start = 0, end = 0] = [this.#fields[field], this.#fields[field + 1]];
    return this.#bytes.subarray(start + 4, end);
  }
}

/** A character for each byte. TextDecoder's 'latin1' is windows-1252, which is another. */
export function byteText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** In the order of wasm/inspect.c. */
const Field = {
  cipher: 0,
  standardName: 1,
  cipherVersion: 2,
  group: 3,
  signatureScheme: 4,
  serverName: 5,
  alpn: 6,
  clientRandom: 7,
  serverRandom: 8,
  verifyText: 9,
  chain: 10,
} as const;
type Field = (typeof Field)[keyof typeof Field];

const headLength = 12;
const decoder = new TextDecoder();
