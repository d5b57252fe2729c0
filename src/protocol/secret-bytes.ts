/**
 * Memory for a secret, which can be wiped. V8 keeps the contents of a small typed array in its own heap, and moves them to memory of their own
 * when somebody asks for its `buffer`, as DataView and every addon do: what stays behind nobody can overwrite. An ArrayBuffer that is there
 * first never has them anywhere else.
 */
export function secretBytes(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(length));
}

/** A copy of a secret, in memory of its own: either can be wiped without the other, also where `bytes` are a Buffer. */
export function copySecret(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = secretBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
