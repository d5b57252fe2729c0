/** OpenSSL's instance is of no use any more: it trapped, or was given up. All that was in it is gone, every handshake and connection with it. */
export class InstanceLost extends Error {
  readonly code = 'ERR_KTLS_UNAVAILABLE';

  /** `where`: in which thread it was. */
  constructor(why: string, cause?: unknown, where = 'in this thread') {
    super(`OpenSSL's instance ${where} ${why}; new connections get another`, { cause });
    this.name = 'InstanceLost';
  }
}
