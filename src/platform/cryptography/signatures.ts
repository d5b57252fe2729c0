import {
  constants,
  createPublicKey,
  type KeyObject,
  privateDecrypt,
  randomBytes,
  type SignKeyObjectInput,
  sign,
  verify,
} from 'node:crypto';
import type { PrivateKey, SignatureScheme, VerifySignature } from '../../engine/host/private-key.ts';

/** A private key of node:crypto for the engine: it never gets into the engine's memory. Undefined for kinds that TLS does not sign with. */
export function enginePrivateKey(key: KeyObject): PrivateKey | undefined {
  const kind = key.asymmetricKeyType ?? '';
  if (!signing.has(kind)) return undefined;
  return {
    sign: (bytes, scheme) => sign(scheme.digest, bytes, padded(key, scheme)),
    decryptPremaster: (ciphertext, version) =>
      kind === 'rsa'
        ? premaster(privateDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, ciphertext), version)
        : undefined,
  };
}

/** With node:crypto, which verifies in an eighth of the time that the wasm module takes. */
export const verifySignature: VerifySignature = (der, bytes, signature, scheme) => {
  try {
    const key = publicKey(der);
    return verify(scheme.digest, bytes, padded(key, scheme), signature);
  } catch {
    // Not known here, or not allowed.
    return undefined;
  }
};

/** The key alone wherever that will do: with an object Node.js 24 takes 80 µs more to find out what it has been given. */
function padded(key: KeyObject, { isPss }: SignatureScheme): KeyObject | SignKeyObjectInput {
  if (!isPss) return key;
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

/**
 * RFC 5246 §7.4.7.1: what is wrong in any way becomes random. OpenSSL has done so already with the padding (implicit rejection, which
 * Node.js insists on): the length here is then a random one, too, and tells nothing.
 */
function premaster(decrypted: Uint8Array, version: number): Uint8Array {
  const answer = randomBytes(premasterLength);
  const wrong =
    (decrypted.length ^ premasterLength) |
    ((decrypted[0] ?? 0) ^ (version >> 8)) |
    ((decrypted[1] ?? 0) ^ (version & 0xff));
  // All ones where nothing is wrong, else all zeros.
  const mask = (wrong - 1) >> 31;
  for (let i = 0; i < premasterLength; i++) {
    answer[i] = ((decrypted[i] ?? 0) & mask) | ((answer[i] ?? 0) & ~mask);
  }
  decrypted.fill(0);
  return answer;
}

/** The same few servers are met again and again, and reading a key costs as much as verifying with it. */
function publicKey(der: Uint8Array): KeyObject {
  const name = Buffer.from(der.buffer, der.byteOffset, der.length).toString('latin1');
  const known = publicKeys.get(name);
  if (known) return known;
  const key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
  if (publicKeys.size >= mostPublicKeys) publicKeys.clear();
  publicKeys.set(name, key);
  return key;
}

const publicKeys = new Map<string, KeyObject>();
const mostPublicKeys = 256;
const premasterLength = 48;
const signing = new Set(['rsa', 'rsa-pss', 'ec', 'ed25519', 'ed448']);
