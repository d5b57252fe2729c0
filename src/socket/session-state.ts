import type { NonSharedBuffer } from 'node:buffer';

/**
 * Sessions as applications keep them: OpenSSL's ASN.1 with the name that the server was verified for in front. A session stands for
 * a verification that has been done, so it must not be offered to a server of another name.
 */
export function wrapSession(session: Uint8Array, identity: string): NonSharedBuffer {
  const name = Buffer.from(identity);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(name.length);
  return Buffer.concat([magic, length, name, session]);
}

/**
 * The session to offer to the server `identity`; undefined when it was made with another one, or when nothing tells which and the
 * server is to be verified.
 */
export function unwrapSession(
  state: Uint8Array | string | undefined | null | false,
  { identity, verifies }: { identity: string; verifies: boolean },
): Buffer | undefined {
  if (!state) return undefined;
  const bytes = typeof state === 'string' ? Buffer.from(state, 'latin1') : Buffer.from(state);
  if (bytes.length < magic.length + 2 || !bytes.subarray(0, magic.length).equals(magic)) {
    return verifies && typeof state !== 'string' ? undefined : bytes;
  }
  const start = magic.length + 2;
  const end = start + bytes.readUInt16BE(magic.length);
  return bytes.toString('utf8', start, end) === identity ? bytes.subarray(end) : undefined;
}

const magic = Buffer.from('\0ktls:session:1\0');
