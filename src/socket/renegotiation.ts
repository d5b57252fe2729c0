import { isOneOf, letNodeRefuseCall } from '../context/node-errors.ts';
import { codedError } from '../errors/coded.ts';

/** What node:tls refuses of a call of renegotiate(). */
export function checkRenegotiation(options: object, callback: unknown): void {
  const valid = typeof options === 'object' && options !== null && callback !== null && isOneOf(callback, 'function');
  if (!valid) letNodeRefuseCall('renegotiate', [options, callback]);
}

/** Why there is none: keys that have left OpenSSL cannot be renegotiated, and TLS 1.3 has no renegotiation (RFC 8446 §4.1.2). */
export function noRenegotiation(protocol: string | null): Error {
  if (protocol !== 'TLSv1.3')
    return codedError('ERR_TLS_RENEGOTIATION_DISABLED', 'TLS session renegotiation disabled for this socket');
  // What OpenSSL says of it.
  return codedError('ERR_SSL_WRONG_SSL_VERSION', 'error:0A00010A:SSL routines::wrong ssl version', {
    library: 'SSL routines',
    reason: 'wrong ssl version',
  });
}
