import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { types } from 'node:util';
import { typeError } from '../errors/coded.ts';
import type { SharedStore } from './shared-store.ts';

/**
 * `store` with bytes as values. With a secret they are sealed with AES-256-GCM, by a key of the value's own (HKDF, RFC 5869): what was kept under
 * another name, or changed, does not open.
 */
export class SealedStore {
  readonly #store: SharedStore;
  readonly #secret: KeyObject | undefined;

  /** Throws ERR_INVALID_ARG_TYPE. */
  constructor(store: SharedStore, secret: KeyObject | undefined) {
    if (typeof store?.get !== 'function' || typeof store.add !== 'function')
      throw typeError('ERR_INVALID_ARG_TYPE', 'The option store must have the methods get and add');
    this.#store = store;
    this.#secret = secret;
  }

  /** At most so many bytes under `name`, the caller's to wipe. Rejects for what was not put there with the same secret. */
  async get(name: string, most: number): Promise<Uint8Array | undefined> {
    const text: unknown = await withoutValues(() => this.#store.get(name));
    if (text === undefined || text === null) return undefined;
    if (typeof text !== 'string' || text.length > longestText(most)) throw rubbish(name);
    return this.#opened(name, text);
  }

  /** `bytes` may change once it has answered. */
  async add(name: string, bytes: Uint8Array, milliseconds: number): Promise<void> {
    const sealed = this.#sealed(name, bytes);
    await withoutValues(() => this.#store.add(name, sealed, milliseconds));
  }

  #sealed(name: string, bytes: Uint8Array): string {
    if (!this.#secret) return plainMark + base64(bytes);
    const iv = randomBytes(ivLength);
    const cipher = this.#withKey(this.#secret, name, (key) => createCipheriv(algorithm, key, iv));
    const sealed = Buffer.concat([iv, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    return sealedMark + base64(sealed);
  }

  #opened(name: string, text: string): Uint8Array {
    const mark = this.#secret ? sealedMark : plainMark;
    const other = this.#secret ? plainMark : sealedMark;
    if (text.startsWith(other))
      throw new Error(`what the store has under ${name} is ${this.#secret ? 'not ' : ''}sealed`);
    const bytes = text.startsWith(mark) ? Buffer.from(text.slice(mark.length), 'base64') : undefined;
    // Node.js reads past what is no base64.
    if (!bytes || base64(bytes) !== text.slice(mark.length)) throw rubbish(name);
    if (!this.#secret) return bytes;
    if (bytes.length < ivLength + tagLength) throw rubbish(name);
    const iv = bytes.subarray(0, ivLength);
    const options = { authTagLength: tagLength };
    const decipher = this.#withKey(this.#secret, name, (key) => createDecipheriv(algorithm, key, iv, options));
    decipher.setAuthTag(bytes.subarray(-tagLength));
    const opened = decipher.update(bytes.subarray(ivLength, -tagLength));
    try {
      decipher.final();
    } catch {
      opened.fill(0);
      throw new Error(`what the store has under ${name} was sealed with another secret, or changed`);
    }
    return opened;
  }

  #withKey<Made>(secret: KeyObject, name: string, make: (key: Uint8Array) => Made): Made {
    const key = new Uint8Array(hkdfSync('sha256', secret, '', `ktls/tickets ${name}`, 32));
    try {
      return make(key);
    } finally {
      key.fill(0);
    }
  }
}

/**
 * Clients put the command that failed on their errors, with all its arguments, and servers quote them: only words and a code go on, without what
 * stands for a secret.
 */
async function withoutValues<Answer>(asked: () => Promise<Answer>): Promise<Answer> {
  try {
    return await asked();
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    const code: unknown = Reflect.get(Object(error), 'code');
    const told = new Error(words.replaceAll(/\b[ks]1:[\w+/=]*/g, '…'));
    throw typeof code === 'string' || typeof code === 'number' ? Object.assign(told, { code }) : told;
  }
}

/** Of what so many bytes are kept as, at most. */
function longestText(bytes: number): number {
  return plainMark.length + 4 * Math.ceil((ivLength + bytes + tagLength) / 3);
}

function rubbish(name: string): Error {
  return new Error(`what the store has under ${name} is nothing that was put there`);
}

/**
 * The option `secret`. Left out, nothing is sealed; given and undefined, as a variable of the environment is that is not set, it is a mistake that would go
 * unseen. Throws ERR_INVALID_ARG_TYPE and ERR_INVALID_ARG_VALUE.
 */
export function secretIn(options: { readonly secret?: unknown }): KeyObject | undefined {
  return 'secret' in options ? secretKey(options.secret) : undefined;
}

function secretKey(secret: unknown): KeyObject {
  if (types.isKeyObject(secret) && isSecret(secret)) return longEnough(secret);
  if (typeof secret === 'string') return longEnough(createSecretKey(secret, 'utf8'));
  if (ArrayBuffer.isView(secret)) return longEnough(createSecretKey(asBytes(secret)));
  throw typeError(
    'ERR_INVALID_ARG_TYPE',
    `The option secret must be a string, a Buffer or a secret KeyObject, or be left out. Received ${secret === null ? 'null' : typeof secret}`,
  );
}

function isSecret(key: KeyObject): boolean {
  return key.type === 'secret';
}

function longEnough(key: KeyObject): KeyObject {
  if ((key.symmetricKeySize ?? 0) >= leastSecret) return key;
  throw typeError('ERR_INVALID_ARG_VALUE', `The option secret must have at least ${leastSecret} bytes, of chance`);
}

function asBytes({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

const algorithm = 'aes-256-gcm';
const ivLength = 12;
const tagLength = 16;
const plainMark = 'k1:';
const sealedMark = 's1:';
/** Bytes. */
const leastSecret = 16;
