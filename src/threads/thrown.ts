import { InstanceLost } from '../connection/instance-lost.ts';
import { OpenSSLError } from '../engine/openssl/openssl-error.ts';
import { codedError } from '../errors/coded.ts';
import type { Thrown } from './messages.ts';

/** OpenSSL's instance in a thread for handshakes. */
export function threadLost(why: string, cause?: unknown): InstanceLost {
  return new InstanceLost(why, cause, 'in a thread for handshakes');
}

/** An error that can be sent to another thread. */
export function thrownBy(error: unknown): Thrown {
  const code: unknown = Reflect.get(Object(error), 'code');
  return {
    message: error instanceof Error ? error.message : String(error),
    code: typeof code === 'string' ? code : undefined,
    isLost: error instanceof InstanceLost,
    entries: error instanceof OpenSSLError ? error.entries.map((entry) => ({ ...entry })) : undefined,
  };
}

/** As it was thrown there. */
export function asThrown({ message, code, entries, isLost }: Thrown): Error {
  if (entries) return new OpenSSLError(entries);
  if (isLost) return threadLost('was lost', new Error(message));
  return code === undefined ? new Error(message) : codedError(code, message);
}
