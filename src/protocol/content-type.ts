/** Record content types (RFC 8446 §5.1, RFC 5246 §6.2.1). */
export const ContentType = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
} as const;

/** A record's type: one of {@link ContentType}, or any other byte that a peer sent. */
export type ContentTypeByte = number;

/** One record without protection (RFC 8446 §5.1, struct TLSPlaintext). */
export interface TLSPlaintext {
  readonly type: ContentTypeByte;
  readonly fragment: Uint8Array;
}
