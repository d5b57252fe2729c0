import type { Failure } from './connection/events.ts';
import type { OpenSSLErrorEntry } from './connection/handshake.ts';
import { InstanceLost } from './connection/instance-lost.ts';
import { describeEntry, OpenSSLError, ownLibrary, ownReasons } from './engine/openssl/openssl-error.ts';

/** Errors of this library have `code`s: node:tls's own where node:tls has the case, ERR_KTLS_* where it has not. */
export interface TLSError extends Error {
  code: string;
  /** OpenSSL's words, as node:tls gives them. */
  library?: string;
  reason?: string;
  /** Number of the alert that was sent or received (RFC 8446 §6). */
  alert?: number;
}

/** An error with a code. */
export function codedError(code: string, message: string, details: object = {}): TLSError {
  return Object.assign(new Error(message), { code, ...details });
}

/** What node:tls says when the peer goes away before the handshake is done. */
export function connectionReset(message: string): TLSError {
  return codedError('ECONNRESET', message);
}

/** The error for a connection that has failed. */
export function failureError(failure: Failure): Error {
  switch (failure.by) {
    case 'openssl': {
      const details = failure.alert === undefined ? {} : { alert: failure.alert };
      return opensslError(failure.entries, 'SSL', details);
    }
    case 'record':
      return codedError(recordCode(failure), failure.reason, {
        library: 'SSL routines',
        reason: failure.reason,
        alert: failure.alert,
      });
    case 'rekey':
      return codedError(
        'ERR_KTLS_REKEY_UNSUPPORTED',
        `The peer or this side changed its keys, which the kernel cannot follow: ${failure.reason}`,
      );
    case 'keyUse':
      return codedError(
        'ERR_KTLS_KEYS_USED_UP',
        'As many records as is safe were sent under the same keys (RFC 8446 §5.5), and TLS 1.2 cannot change them',
      );
    case 'required':
      return codedError(
        'ERR_KTLS_REQUIRED',
        `The option ktls: 'require' is set and the kernel does not ${failure.direction === 'read' ? 'open' : 'seal'} this connection's records: ${failure.reason}`,
      );
    case 'system':
      return failure.error;
  }
}

/** A context's error, as node:crypto would throw it, or as a connection's; others pass unchanged. */
export function contextError(error: unknown, kind: 'SSL' | 'OSSL' = 'OSSL'): unknown {
  return error instanceof OpenSSLError ? opensslError(error.entries, kind) : error;
}

/** The oldest entry is the cause, as node:tls takes it. */
function opensslError(entries: readonly OpenSSLErrorEntry[], kind: 'SSL' | 'OSSL', details: object = {}): TLSError {
  const [cause] = entries;
  if (!cause) return codedError(`ERR_${kind}_UNKNOWN`, 'OpenSSL failed without saying why', details);
  const { library, reason } = cause;
  if (library === ownLibrary) return ownError(reason, details);
  const area = kind === 'SSL' || library === 'SSL routines' ? 'ERR_SSL' : `ERR_OSSL${areas[library] ?? ''}`;
  return codedError(`${area}_${reason.toUpperCase().replaceAll(' ', '_')}`, describeEntry(cause), {
    library,
    reason,
    ...details,
  });
}

function recordCode({ name, alert }: Failure & { by: 'record' }): string {
  if (name) return codeOfReason(name);
  return recordCodes[alert] ?? 'ERR_SSL_UNEXPECTED_MESSAGE';
}

function codeOfReason(reason: string): string {
  return `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
}

/** What is no fault that OpenSSL found, but one of what it stands on. */
function ownError(reason: string, details: object): TLSError {
  return reason === ownReasons.handshakeMemory
    ? codedError(
        'ERR_KTLS_HANDSHAKE_MEMORY',
        'The handshake took more memory than peers may have before it is finished',
        details,
      )
    : codedError('ERR_KTLS_UNAVAILABLE', new InstanceLost('has failed').message, details);
}

/** By alert, the code that node:tls has for the same fault found by OpenSSL. */
const recordCodes: Readonly<Record<number, string>> = {
  10: 'ERR_SSL_UNEXPECTED_MESSAGE',
  20: 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC',
  22: 'ERR_SSL_DATA_LENGTH_TOO_LONG',
  50: 'ERR_SSL_WRONG_VERSION_NUMBER',
  80: 'ERR_SSL_INTERNAL_ERROR',
};

/** node:crypto leaves the library out of a code where OpenSSL's own name for the error does. */
const areas: Readonly<Record<string, string>> = {
  'PEM routines': '_PEM',
  'PKCS12 routines': '_PKCS12',
  'asn1 encoding routines': '_ASN1',
  'x509 certificate routines': '_X509',
  'digital envelope routines': '_EVP',
};
