import type { Failure } from './connection/events.ts';
import type { OpenSSLErrorEntry } from './connection/handshake.ts';
import { InstanceLost } from './connection/instance-lost.ts';
import { describeEntry, OpenSSLError, ownLibrary, ownReasons } from './engine/openssl/openssl-error.ts';
import { codedError, type TLSError } from './errors/coded.ts';
import { handshakeMemory, kernelRequired, keysUsedUp, RekeyUnsupported, unavailable } from './errors/codes.ts';

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
      return new RekeyUnsupported(failure.reason);
    case 'keyUse':
      return keysUsedUp();
    case 'required':
      return kernelRequired(failure.direction, failure.reason);
    case 'system':
      return failure.error;
  }
}

/** A context's error, as node:crypto would throw it, or as a connection's; others pass unchanged. */
export function contextError(error: unknown, kind: 'SSL' | 'OSSL' = 'OSSL'): unknown {
  return error instanceof OpenSSLError ? opensslError(error.entries, kind) : error;
}

/** The oldest entry is the cause, as node:tls takes it. */
function opensslError(
  entries: readonly OpenSSLErrorEntry[],
  kind: 'SSL' | 'OSSL',
  details: { readonly alert?: number } = {},
): TLSError {
  const [cause] = entries;
  if (!cause) return codedError(`ERR_${kind}_UNKNOWN`, 'OpenSSL failed without saying why', details);
  const { library, reason } = cause;
  if (library === ownLibrary) return ownError(reason, details);
  const area = kind === 'SSL' || library === 'SSL routines' ? 'ERR_SSL' : `ERR_OSSL${areas[library] ?? ''}`;
  const name = reason || (details.alert === echRequired ? 'tlsv1 alert ech required' : 'unknown');
  return codedError(`${area}_${name.toUpperCase().replaceAll(' ', '_')}`, describeEntry(cause), {
    library,
    reason,
    ...details,
  });
}

/** Of OpenSSL 3.5's words for alerts it is not one (RFC 9849 §11.2). */
const echRequired = 121;

function recordCode({ name, alert }: Failure & { by: 'record' }): string {
  if (name) return codeOfReason(name);
  return recordCodes[alert] ?? 'ERR_SSL_UNEXPECTED_MESSAGE';
}

function codeOfReason(reason: string): string {
  return `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
}

/** What is no fault that OpenSSL found, but one of what it stands on. */
function ownError(reason: string, details: object): TLSError {
  if (reason === ownReasons.handshakeMemory) return handshakeMemory(details);
  return Object.assign(unavailable(new InstanceLost('has failed').message), details);
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
