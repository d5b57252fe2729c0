/** Bytes from hexadecimal digits, as vectors are printed: in several parts if they are long. */
export function hex(...parts: string[]): Uint8Array {
  return Uint8Array.from(parts.join('').match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}
