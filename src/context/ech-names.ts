import type { HpkeSuite } from '../engine/openssl/ech.ts';
import { typeError } from '../errors/coded.ts';
import { copy } from './context-recipe.ts';

/** How a hello is encrypted. */
export interface HpkeSuiteNames {
  readonly kem?: 'x25519' | 'x448' | 'p256' | 'p384' | 'p521' | undefined;
  readonly kdf?: 'sha256' | 'sha384' | 'sha512' | undefined;
  readonly aead?: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305' | undefined;
}

/** The numbers of a suite. Throws ERR_INVALID_ARG_VALUE for names that there are not. */
export function hpkeSuite({ kem = 'x25519', kdf = 'sha256', aead = 'aes-128-gcm' }: HpkeSuiteNames): HpkeSuite {
  return { kem: numberOf('kem', kems, kem), kdf: numberOf('kdf', kdfs, kdf), aead: numberOf('aead', aeads, aead) };
}

/** Names by number, or the number in hexadecimal. */
export const hpkeNames = {
  kem: (number: number): string => kems.get(number) ?? hexadecimal(number),
  kdf: (number: number): string => kdfs.get(number) ?? hexadecimal(number),
  aead: (number: number): string => aeads.get(number) ?? hexadecimal(number),
};

/** An ECHConfigList as bytes. Node.js decodes whatever looks a little like base64; this does not. */
export function echConfigBytes(configs: string | Uint8Array, name: string): Uint8Array {
  if (typeof configs !== 'string') return copy(configs);
  const bytes = Buffer.from(configs, 'base64');
  const isBase64 = bytes.toString('base64').replaceAll('=', '') === configs.trim().replaceAll('=', '');
  if (isBase64 && bytes.length > 0) return bytes;
  throw typeError('ERR_INVALID_ARG_VALUE', `${name} must be an ECHConfigList, as bytes or in base64`);
}

function numberOf(part: string, names: ReadonlyMap<number, string>, wanted: string): number {
  const found = [...names].find(([, name]) => name === wanted)?.[0];
  if (found !== undefined) return found;
  const all = [...names.values()].join(', ');
  throw typeError('ERR_INVALID_ARG_VALUE', `The option suite.${part} must be one of ${all}`);
}

function hexadecimal(number: number): string {
  return `0x${number.toString(16).padStart(4, '0')}`;
}

/** RFC 9180 §7.1, §7.2, §7.3. */
const kems: ReadonlyMap<number, string> = new Map([
  [0x10, 'p256'],
  [0x11, 'p384'],
  [0x12, 'p521'],
  [0x20, 'x25519'],
  [0x21, 'x448'],
]);
const kdfs: ReadonlyMap<number, string> = new Map([
  [1, 'sha256'],
  [2, 'sha384'],
  [3, 'sha512'],
]);
const aeads: ReadonlyMap<number, string> = new Map([
  [1, 'aes-128-gcm'],
  [2, 'aes-256-gcm'],
  [3, 'chacha20-poly1305'],
]);
