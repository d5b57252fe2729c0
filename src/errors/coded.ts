/** Errors of this library have `code`s: node:tls's own where node:tls has the case, ERR_KTLS_* (codes.ts) where it has not. */
export interface TLSError extends Error {
  code: string;
  /** OpenSSL's words, as node:tls gives them. */
  library?: string;
  reason?: string;
  /** Number of the alert that was sent or received (RFC 8446 §6). */
  alert?: number;
}

/** An Error with a code. */
export function codedError(code: string, message: string, details: object = {}): TLSError {
  return Object.assign(new Error(message), { code, ...details });
}

/** What it came from is not enumerable, as `new Error(…, { cause })` has it: nobody's serializer writes it down unasked. */
export function causedError(code: string, message: string, cause: unknown): TLSError {
  return Object.assign(new Error(message, { cause }), { code });
}

/** A TypeError with a code: an argument is not what it must be. */
export function typeError(code: string, message: string): TLSError {
  return Object.assign(new TypeError(message), { code });
}

/** What node:tls says when the peer goes away before the handshake is done. */
export function connectionReset(message: string): TLSError {
  return codedError('ECONNRESET', message);
}
