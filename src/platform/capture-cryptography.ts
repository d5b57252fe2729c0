import { createDecipheriv, createHmac } from 'node:crypto';
import type { CaptureCryptography } from '../capture/cryptography.ts';
import { SoftwareOpener } from '../record/software-opener.ts';
import { NodeAead } from './node-aead.ts';

/** The cryptography of captures by node:crypto. */
export const captureCryptography: CaptureCryptography = {
  hmac(hash, key, data) {
    const hmac = createHmac(hash, key);
    for (const part of data) hmac.update(part);
    return new Uint8Array(hmac.digest());
  },
  opener: (keys) => new SoftwareOpener(keys, new NodeAead(keys.aead, keys.key)),
  decryptBlocks: (cipher, key, iv, ciphertext) =>
    createDecipheriv(cipher, key, iv).setAutoPadding(false).update(ciphertext),
};
