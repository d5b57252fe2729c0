/** Key exchange made outside of OpenSSL (RFC 8446 §4.2.8), for some groups. Methods answer undefined for what they refuse. */
export interface KeyExchange {
  /** NamedGroup numbers (RFC 8446 §4.2.7). */
  readonly groups: readonly number[];
  start(group: number): StartedExchange | undefined;
  /** Of a share that came from the other side. A share that is none of the group's is refused. */
  respond(
    group: number,
    peerShare: Uint8Array,
  ): { readonly share: Uint8Array; readonly secret: Uint8Array } | undefined;
}

/** A private key, which is good for one exchange, and its share. */
export interface StartedExchange {
  readonly share: Uint8Array;
  /** The secret, which is the caller's to wipe. The private key is gone afterwards. */
  finish(peerShare: Uint8Array): Uint8Array | undefined;
  dispose(): void;
}
