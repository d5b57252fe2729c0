/** `length` bytes that differ from each other and from those of another `seed`, which is the first of them. */
export function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) + seed) & 255);
}
