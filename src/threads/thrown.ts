import { OpenSSLError } from '../engine/openssl/openssl-error.ts';
import { codedError } from '../errors/coded.ts';
import type { Thrown } from './messages.ts';

/** An error that can be sent to another thread. */
export function thrownBy(error: unknown): Thrown {
  const code: unknown = Reflect.get(Object(error), 'code');
  return {
    message: error instanceof Error ? error.message : String(error),
    code: typeof code === 'string' ? code : undefined,
    entries: error instanceof OpenSSLError ? error.entries.map((entry) => ({ ...entry })) : undefined,
  };
}

/** As it was thrown there. */
export function asThrown({ message, code, entries }: Thrown): Error {
  if (entries) return new OpenSSLError(entries);
  return code === undefined ? new Error(message) : codedError(code, message);
}
