import { createDecipheriv, createHmac } from 'node:crypto';
import type { CaptureCryptography } from '../capture/cryptography.ts';
import type { Aead } from '../record/aead.ts';
import { tagLength } from '../record/aead.ts';
import { SoftwareOpener } from '../record/software-opener.ts';
import { NodeAead } from './node-aead.ts';

/** The cryptography of captures by node:crypto. */
export const captureCryptography: CaptureCryptography = {
  hmac(hash, key, data) {
    const hmac = createHmac(hash, key);
    for (const part of data) hmac.update(part);
    return new Uint8Array(hmac.digest());
  },
  opener(keys, aead) {
    const isCcm = aead === 'aes-128-ccm' || aead === 'aes-256-ccm';
    return new SoftwareOpener(keys, isCcm ? new CcmOpening(aead, keys.key) : new NodeAead(keys.aead, keys.key));
  },
  decryptBlocks: (cipher, key, iv, ciphertext) =>
    createDecipheriv(cipher, key, iv).setAutoPadding(false).update(ciphertext),
};

/** AES-CCM (RFC 5116 §5.3), which no record layer here seals with. */
class CcmOpening implements Aead {
  readonly #name: 'aes-128-ccm' | 'aes-256-ccm';
  readonly #key: Uint8Array;

  constructor(name: 'aes-128-ccm' | 'aes-256-ccm', key: Uint8Array) {
    this.#name = name;
    this.#key = key.slice();
  }

  seal(): never {
    throw new Error('Captures are not sealed');
  }

  open(nonce: Uint8Array, additionalData: Uint8Array, ciphertext: Uint8Array, tag: Uint8Array): Uint8Array | undefined {
    const decipher = createDecipheriv(this.#name, this.#key, nonce, { authTagLength: tagLength });
    decipher.setAuthTag(tag).setAAD(additionalData, { plaintextLength: ciphertext.length });
    try {
      // With this mode it is here that a tag that does not fit is found: nothing is decrypted before.
      const plaintext = decipher.update(ciphertext);
      decipher.final();
      return plaintext;
    } catch {
      return undefined;
    }
  }

  dispose(): void {
    this.#key.fill(0);
  }
}
