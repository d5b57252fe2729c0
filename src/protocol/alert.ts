/** Alert descriptions that this library sends itself; OpenSSL sends all others (RFC 8446 §6). */
export const Alert = {
  closeNotify: 0,
  unexpectedMessage: 10,
  badRecordMac: 20,
  recordOverflow: 22,
  decodeError: 50,
  internalError: 80,
} as const;

export type AlertDescription = (typeof Alert)[keyof typeof Alert];

/** Alert levels (RFC 8446 §6): TLS 1.3 ignores them, TLS 1.2 does not. */
export const AlertLevel = { warning: 1, fatal: 2 } as const;
