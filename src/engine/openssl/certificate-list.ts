/** Certificates as wasm/inspect.c writes them: u32 length, DER, … */
export function certificates(bytes: Uint8Array | undefined): Uint8Array[] {
  const found: Uint8Array[] = [];
  if (!bytes) return found;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + view.getUint32(at, true);
    found.push(bytes.slice(at + 4, end));
    at = end;
  }
  return found;
}
