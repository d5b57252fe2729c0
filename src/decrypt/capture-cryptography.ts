import {
  type CipherGCMTypes,
  constants,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createSecretKey,
  getCiphers,
  getHashes,
  type KeyObject,
  privateDecrypt,
} from 'node:crypto';
import type { AeadOpening, CaptureCryptography, PremasterOpener } from '../dissect/cryptography.ts';
import type { SuiteAead } from '../protocol/cipher-suites.ts';

/** The cryptography of captures by node:crypto. */
export const captureCryptography: CaptureCryptography = {
  supports(protection) {
    if (protection.kind === 'aead') return hasCipher(protection.aead);
    if (protection.kind === 'cbc' && !hasCipher(protection.cipher)) return false;
    return getHashes().includes(protection.mac);
  },
  hash(name, data) {
    const hash = createHash(name);
    for (const part of data) hash.update(part);
    return new Uint8Array(hash.digest());
  },
  hmac(hash, key, data) {
    // Node.js 24 takes three times as long to make a key of bytes by itself.
    const hmac = createHmac(hash, createSecretKey(key));
    for (const part of data) hmac.update(part);
    return new Uint8Array(hmac.digest());
  },
  aead: (name, key, tagLength) => new NodeOpening(name, key, tagLength),
  decryptBlocks: (cipher, key, iv, ciphertext) =>
    createDecipheriv(cipher, createSecretKey(key), iv).setAutoPadding(false).update(ciphertext),
};

function hasCipher(name: string): boolean {
  return getCiphers().includes(name);
}

class NodeOpening implements AeadOpening {
  // node:crypto's declarations have a name for each mode; what is called is the same.
  readonly #name: CipherGCMTypes;
  readonly #needsLength: boolean;
  readonly #authTagLength: number;
  /** Not bytes: those would be made into one on every call. */
  #key: KeyObject | undefined;

  constructor(name: SuiteAead, key: Uint8Array, authTagLength: number) {
    this.#name = name as CipherGCMTypes;
    this.#needsLength = name.endsWith('ccm');
    this.#authTagLength = authTagLength;
    this.#key = createSecretKey(key);
  }

  open(nonce: Uint8Array, additionalData: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array | undefined {
    if (this.#key === undefined) throw new Error('This key was disposed of');
    try {
      const decipher = createDecipheriv(this.#name, this.#key, nonce, { authTagLength: this.#authTagLength });
      decipher.setAuthTag(tag);
      decipher.setAAD(additionalData, this.#needsLength ? { plaintextLength: ciphertext.length } : undefined);
      // With CCM it is here that a tag that does not fit is found, with the others at the end.
      const plaintext = decipher.update(ciphertext);
      decipher.final();
      return plaintext;
    } catch {
      // Or the cipher is none that this OpenSSL has: early data may have had any.
      return undefined;
    }
  }

  dispose(): void {
    this.#key = undefined;
  }
}

/**
 * An RSA key by node:crypto, from PEM or DER (PKCS #1 or #8). Throws a TypeError (ERR_INVALID_ARG_VALUE) if it is something else, or behind
 * a passphrase. Padding is taken off here, as that is the one way that is the same in all versions of Node.js: there is no peer to be told
 * how it was.
 */
export function premasterOpener(privateKey: string | Uint8Array): PremasterOpener {
  const key = readPrivateKey(privateKey);
  return {
    open(encrypted) {
      let block: Uint8Array;
      try {
        block = privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encrypted);
      } catch {
        return undefined;
      }
      // RFC 8017 §7.2.2: 0, 2, bytes that are not 0, 0, and what was encrypted.
      const start = block.length - premasterLength;
      const isPadded = start >= 11 && block[0] === 0 && block[1] === 2 && block[start - 1] === 0;
      const isFilled = block.subarray(2, Math.max(2, start - 1)).every((byte) => byte !== 0);
      const premaster = isPadded && isFilled ? Uint8Array.from(block.subarray(start)) : undefined;
      block.fill(0);
      return premaster;
    },
  };
}

function readPrivateKey(privateKey: string | Uint8Array): KeyObject {
  const attempts =
    typeof privateKey === 'string' || privateKey[0] !== derSequence
      ? [() => createPrivateKey(typeof privateKey === 'string' ? privateKey : Buffer.from(privateKey))]
      : (['pkcs8', 'pkcs1'] as const).map(
          (type) => () => createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type }),
        );
  for (const attempt of attempts) {
    try {
      const key = attempt();
      if (key.asymmetricKeyType === 'rsa') return key;
    } catch {
      // What OpenSSL says of it helps nobody, and may cite it.
    }
  }
  throw Object.assign(new TypeError('the private key is no RSA key without a passphrase, in PEM or DER'), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
}

const premasterLength = 48;
const derSequence = 0x30;
