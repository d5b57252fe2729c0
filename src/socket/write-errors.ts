import { getSystemErrorMap } from 'node:util';
import { systemError } from '../platform/system-error.ts';

/** What a write is told that its connection's end has overtaken. */
export function canceledWrite(): NodeJS.ErrnoException {
  return systemError(numberOf('ECANCELED'), 'write');
}

/**
 * A handshake's failure where a write waits for its end: node:tls tells it as that write's, by the code EPROTO, which applications look for.
 * What OpenSSL said is in the message, and here in the same properties as ever.
 */
export function failedWrite(cause: Error): NodeJS.ErrnoException {
  const error = systemError(numberOf('EPROTO'), 'write');
  error.message = `${error.message} ${cause.message}`;
  for (const name of ['library', 'reason', 'alert'])
    if (name in cause) Reflect.set(error, name, Reflect.get(cause, name));
  return error;
}

/** libuv's number of an error, which on Windows is not the system's. */
function numberOf(name: string): number {
  for (const [number, [known]] of getSystemErrorMap()) if (known === name) return number;
  throw new Error(`libuv has no error ${name}`);
}
