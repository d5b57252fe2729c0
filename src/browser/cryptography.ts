import { cbc, gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { concatBytes } from '@noble/ciphers/utils.js';
import { hmac } from '@noble/hashes/hmac.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import type { AeadOpening, CaptureCryptography } from '../dissect/cryptography.ts';
import type { SuiteAead } from '../protocol/cipher-suites.ts';

/**
 * The cryptography of captures in a browser. WebCrypto will not do: it answers later, and has neither ChaCha20-Poly1305 nor MD5. CCM,
 * Camellia, ARIA and 3DES are missing.
 */
export const browserCryptography: CaptureCryptography = {
  supports(protection) {
    if (protection.kind === 'aead') return aeads.has(protection.aead);
    return protection.kind === 'stream' || isAes(protection.cipher);
  },
  hash(name, data) {
    const hash = hashes[name].create();
    for (const part of data) hash.update(part);
    return hash.digest();
  },
  hmac(name, key, data) {
    const mac = hmac.create(hashes[name], key);
    for (const part of data) mac.update(part);
    return mac.digest();
  },
  aead: (name, key) => new BrowserOpening(name, key),
  decryptBlocks(cipher, key, iv, ciphertext) {
    if (!isAes(cipher)) throw new Error(`${cipher} is not supported`);
    return cbc(key, iv, { disablePadding: true }).decrypt(ciphertext);
  },
};

class BrowserOpening implements AeadOpening {
  readonly #cipher: AeadCipher | undefined;
  #key: Uint8Array | undefined;

  /** The AEADs that are here have tags of 16 bytes. */
  constructor(name: SuiteAead, key: Uint8Array) {
    this.#cipher = aeads.get(name);
    this.#key = Uint8Array.from(key);
  }

  open(nonce: Uint8Array, additionalData: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array | undefined {
    if (this.#key === undefined) throw new Error('This key was disposed of');
    try {
      return this.#cipher?.(this.#key, nonce, additionalData).decrypt(concatBytes(ciphertext, tag));
    } catch {
      return undefined;
    }
  }

  dispose(): void {
    this.#key?.fill(0);
    this.#key = undefined;
  }
}

type AeadCipher = (
  key: Uint8Array,
  nonce: Uint8Array,
  additionalData: Uint8Array,
) => { decrypt(ciphertext: Uint8Array): Uint8Array };

const aeads: ReadonlyMap<SuiteAead, AeadCipher> = new Map<SuiteAead, AeadCipher>([
  ['aes-128-gcm', gcm],
  ['aes-256-gcm', gcm],
  ['chacha20-poly1305', chacha20poly1305],
]);

const hashes = { md5, sha1, sha256, sha384, sha512 };

function isAes(cipher: string): boolean {
  return cipher.startsWith('aes-');
}
