/** Hash functions of TLS 1.0 to 1.3, by node:crypto's names. */
export type HashName = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** HMAC (RFC 2104) of the parts of `data`, taken as one: memory of its own, for the caller to wipe. Comes from outside: nothing here knows of node:crypto. */
export type Hmac = (hash: HashName, key: Uint8Array, data: readonly Uint8Array[]) => Uint8Array;
