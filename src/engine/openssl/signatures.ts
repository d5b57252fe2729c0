import type { DigestName, PrivateKey, VerifySignature } from '../host/private-key.ts';

/** Digest names of node:crypto, by their numbers in wasm/signatures.c; none for EdDSA. */
const digests: readonly (DigestName | undefined)[] = [
  undefined,
  'sha1',
  'sha256',
  'sha384',
  'sha512',
  'md5-sha1',
  'sha224',
];

/** The private keys that contexts use, by number, and the questions of wasm/signatures.c. */
export class Signatures {
  readonly #keys = new Map<number, PrivateKey>();
  readonly #verify: VerifySignature | undefined;
  #last = 0;

  constructor(verify: VerifySignature | undefined) {
    this.#verify = verify;
  }

  /** The number that OpenSSL will know the key by, until it forgets it. */
  add(key: PrivateKey): number {
    this.#last++;
    this.#keys.set(this.#last, key);
    return this.#last;
  }

  forget(number: number): void {
    this.#keys.delete(number);
  }

  /** How many keys OpenSSL knows of. */
  get size(): number {
    return this.#keys.size;
  }

  /** `asked`: struct head of wasm/signatures.c and what follows it. */
  answer(question: SignatureQuestion, asked: Uint8Array): Uint8Array | undefined {
    const view = new DataView(asked.buffer, asked.byteOffset, asked.length);
    const number = view.getUint32(0, true);
    if (question === FORGET_KEY) {
      this.forget(number);
      return undefined;
    }
    const length = view.getUint16(4, true);
    const scheme = { digest: digests[asked[6] ?? 0], isPss: asked[7] === PSS };
    const rest = asked.subarray(headLength);
    switch (question) {
      case SIGN:
        return this.#keys.get(number)?.sign(rest, scheme);
      case DECRYPT:
        return this.#keys.get(number)?.decryptPremaster(rest, length);
      case VERIFY: {
        const keyEnd = length + number;
        const [signature, key] = [rest.subarray(0, length), rest.subarray(length, keyEnd)];
        const isRight = this.#verify?.(key, rest.subarray(keyEnd), signature, scheme);
        return isRight === undefined ? undefined : Uint8Array.of(isRight ? 1 : 0);
      }
    }
  }
}

/** Of enum ktls_question (wasm/engine.h). */
const SIGN = 8;
const VERIFY = 16;
const DECRYPT = 32;
const FORGET_KEY = 64;
type SignatureQuestion = typeof SIGN | typeof VERIFY | typeof DECRYPT | typeof FORGET_KEY;

export function isSignatureQuestion(question: number): question is SignatureQuestion {
  return question === SIGN || question === VERIFY || question === DECRYPT || question === FORGET_KEY;
}

const headLength = 8;
const PSS = 2;
