import { causedError, codedError, type TLSError } from './coded.ts';

// The errors that node:tls does not have, each with its words in one place. README.md's table says what they mean.

/** `ktls: 'require'`, and the kernel did not take a direction. */
export function kernelRequired(direction: 'read' | 'write', reason: string): TLSError {
  const verb = direction === 'read' ? 'open' : 'seal';
  const message = `The option ktls: 'require' is set and the kernel does not ${verb} this connection's records: ${reason}`;
  return codedError('ERR_KTLS_REQUIRED', message);
}

/** Keys were changed, or should be, on a connection whose kernel cannot change them. */
export class RekeyUnsupported extends Error {
  readonly code = 'ERR_KTLS_REKEY_UNSUPPORTED';
  readonly reason: string;

  constructor(reason: string) {
    super(`The kernel cannot change the keys of a direction that it carries: ${reason}`);
    this.reason = reason;
  }
}

/** TLS 1.2, which cannot change keys, sent as many records under one key as is safe (RFC 8446 §5.5). */
export function keysUsedUp(): TLSError {
  const message =
    'As many records as is safe were sent under the same keys (RFC 8446 §5.5), and TLS 1.2 cannot change them';
  return codedError('ERR_KTLS_KEYS_USED_UP', message);
}

/** Keys were asked for, and not before the handshake. */
export function keysNotExported(): TLSError {
  const message = 'Keys are not kept for this, unless the option exportKeys is set before the handshake';
  return codedError('ERR_KTLS_KEYS_NOT_EXPORTED', message);
}

/** There was less in a file than was asked for. `bytesSent`: of the file. */
export function fileTooShort(message: string, bytesSent: number): TLSError {
  return codedError('ERR_KTLS_FILE_TOO_SHORT', message, { bytesSent });
}

/** OpenSSL cannot be had here, or its instance failed. */
export function unavailable(message: string, cause?: unknown): TLSError {
  return cause === undefined
    ? codedError('ERR_KTLS_UNAVAILABLE', message)
    : causedError('ERR_KTLS_UNAVAILABLE', message, cause);
}

/** A client's `ech.configs` is no ECHConfigList, or has nothing that OpenSSL knows. */
export function echConfigsRefused(cause: unknown): TLSError {
  const message =
    'The option ech.configs is no ECHConfigList (RFC 9849 §4), or has no configuration that OpenSSL knows';
  return causedError('ERR_KTLS_ECH_CONFIGS', message, cause);
}

/**
 * The server did not accept an encrypted hello. `retryConfigs`: what it would have accepted, for a new connection; undefined where it has none, or
 * showed no certificate that is good for the outer name.
 */
export function echRejected({ outerServerName, retryConfigs, verifyText, alert, cause }: EchRejection): TLSError {
  const by = outerServerName === undefined ? 'The server' : `The server for ${outerServerName}`;
  const why = verifyText === undefined ? '' : `, and is not trusted: ${verifyText}`;
  const retry = retryConfigs === undefined ? '' : ': connect again with retryConfigs as ech.configs';
  const message = `${by} did not accept the encrypted ClientHello${why}${retry}`;
  const error = cause
    ? causedError('ERR_KTLS_ECH_REJECTED', message, cause)
    : codedError('ERR_KTLS_ECH_REJECTED', message);
  return Object.assign(error, { outerServerName, retryConfigs, alert });
}

interface EchRejection {
  readonly outerServerName: string | undefined;
  readonly retryConfigs: Uint8Array | undefined;
  readonly verifyText: string | undefined;
  readonly alert: number | undefined;
  /** Why the application does not trust the server. */
  readonly cause: Error | undefined;
}

/** `ech` was asked of an agent whose connections are node:tls's, which would send the name for everybody to read. */
export function echUnavailable(): TLSError {
  const message =
    'This agent connects by node:tls, which has no Encrypted ClientHello: use an Agent of ktls/https without a proxy, or ktls/register';
  return codedError('ERR_KTLS_ECH_UNAVAILABLE', message);
}

/** What peers make OpenSSL hold before they are known has a bound. */
export function handshakeMemory(details: object): TLSError {
  const message = 'The handshake took more memory than peers may have before it is finished';
  return codedError('ERR_KTLS_HANDSHAKE_MEMORY', message, details);
}

/** `requireCloseNotify`, and the connection ended without it. */
export function truncated(isInRecord: boolean): TLSError {
  const where = isInRecord ? 'in the middle of a record' : 'without close_notify';
  return codedError('ERR_KTLS_TRUNCATED', `The connection ended ${where}: data may be missing`);
}

/** What servers have in common by a store (ktls/tickets) could not be asked for there, or was not of use. */
export function ticketStoreFailed(cause: unknown): TLSError {
  const words = cause instanceof Error ? cause.message : String(cause);
  return causedError('ERR_KTLS_TICKET_STORE', `The store of ktls/tickets failed: ${words}`, cause);
}

/** What is in the files of a server's credentials cannot be used; the ones before go on. */
export function credentialsRefused(cause: unknown): TLSError {
  const words = cause instanceof Error ? cause.message : String(cause);
  return causedError('ERR_KTLS_CREDENTIALS', `The credentials were not changed: ${words}`, cause);
}
