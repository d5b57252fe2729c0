/** Record numbers end before this one: they must never wrap (RFC 8446 §5.3, RFC 5246 §6.1). */
export const sequenceNumberLimit: bigint = 2n ** 64n;

/** A number as 64 bits, most significant byte first, as it enters nonces, additional data and crypto_info. */
export function encodeUint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** The reverse of {@link encodeUint64}, for 8 bytes. */
export function decodeUint64(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
}
