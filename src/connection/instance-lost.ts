/** OpenSSL's instance is of no use any more: it trapped, or was given up. All that was in it is gone, every handshake and connection with it. */
export class InstanceLost extends Error {
  readonly code = 'ERR_KTLS_UNAVAILABLE';

  constructor(why: string, cause?: unknown) {
    super(`OpenSSL's instance in this thread ${why}; new connections get another`, { cause });
    this.name = 'InstanceLost';
  }
}
