import type { NonSharedBuffer } from 'node:buffer';
import type { CipherGCM, DecipherGCM, KeyObject } from 'node:crypto';
import { createCipheriv, createDecipheriv, createSecretKey, getCiphers } from 'node:crypto';
import type { Aead } from '../../record/aead.ts';
import { keyLengths, nonceLength, tagLength } from '../../record/aead.ts';
import type { AeadName } from '../../record/traffic-keys.ts';

/** Whether this process's OpenSSL offers `aead`: a FIPS provider, or Electron's BoringSSL, may not. */
export function isSupported(aead: AeadName): boolean {
  return getCiphers().includes(aead);
}

/** An {@link Aead} over node:crypto. */
export class NodeAead implements Aead {
  readonly #name: AeadName;
  /**
   * A KeyObject and not bytes: those are made into one on every call, which costs more than sealing a record does.
   * Its copy of the key lies outside the JavaScript heap and is overwritten when it is collected: nothing else can.
   */
  #key: KeyObject | undefined;

  constructor(name: AeadName, key: Uint8Array) {
    if (key.length !== keyLengths[name]) throw new RangeError(`A key for ${name} has ${keyLengths[name]} bytes`);
    this.#name = name;
    this.#key = createSecretKey(key);
  }

  seal(nonce: Uint8Array, additionalData: Uint8Array, plaintext: readonly Uint8Array[], output: Uint8Array): void {
    const cipher = createCipher(this.#name, this.#usableKey(), checkNonce(nonce));
    cipher.setAAD(additionalData);
    let offset = 0;
    for (const part of plaintext) {
      const ciphertext = cipher.update(part);
      output.set(ciphertext, offset);
      offset += ciphertext.length;
      release(ciphertext);
    }
    cipher.final();
    output.set(cipher.getAuthTag(), offset);
    if (output.length !== offset + tagLength) throw new RangeError('The output must hold ciphertext and tag exactly');
  }

  open(nonce: Uint8Array, additionalData: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array | undefined {
    const decipher = createDecipher(this.#name, this.#usableKey(), checkNonce(nonce));
    decipher.setAAD(additionalData);
    decipher.setAuthTag(tag);
    const plaintext = decipher.update(ciphertext);
    try {
      decipher.final();
      return plaintext;
    } catch {
      // The only way that final fails: the tag does not fit. What was decrypted must not be seen (RFC 5116 §2.2).
      plaintext.fill(0);
      return undefined;
    }
  }

  dispose(): void {
    this.#key = undefined;
  }

  #usableKey(): KeyObject {
    if (this.#key === undefined) throw new Error('This AEAD key was disposed of');
    return this.#key;
  }
}

/**
 * Gives memory back at once that node:crypto made and nobody needs any more. Left to the garbage collector, 16 KiB for each record make it go through
 * the whole heap every few hundred of them, and each record gets memory that is in no cache.
 */
function release({ buffer, byteLength }: NonSharedBuffer): void {
  // Not if it should be part of a pool one day.
  if (buffer.byteLength === byteLength) buffer.transfer(0);
}

/** node:crypto itself takes GCM nonces of any length. */
function checkNonce(nonce: Uint8Array): Uint8Array {
  if (nonce.length !== nonceLength) throw new RangeError(`A nonce has ${nonceLength} bytes, not ${nonce.length}`);
  return nonce;
}

// The name is told apart only for the type declarations, which have one overload for each mode.
function createCipher(name: AeadName, key: KeyObject, nonce: Uint8Array): CipherGCM {
  const options = { authTagLength: tagLength };
  return name === 'chacha20-poly1305'
    ? createCipheriv(name, key, nonce, options)
    : createCipheriv(name, key, nonce, options);
}

function createDecipher(name: AeadName, key: KeyObject, nonce: Uint8Array): DecipherGCM {
  const options = { authTagLength: tagLength };
  return name === 'chacha20-poly1305'
    ? createDecipheriv(name, key, nonce, options)
    : createDecipheriv(name, key, nonce, options);
}
