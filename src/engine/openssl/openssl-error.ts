import type { OpenSSLErrorEntry } from '../../connection/handshake.ts';

/** The library of errors that are none of OpenSSL's (wasm/engine.h), and their reasons. */
export const ownLibrary = 'ktls';
export const ownReasons = { handshakeMemory: 'handshake out of memory', lost: 'instance lost' } as const;

/** A failure that OpenSSL reported, oldest cause first. Carries no secrets: only OpenSSL's own constant texts and names. */
export class OpenSSLError extends Error {
  readonly entries: readonly OpenSSLErrorEntry[];

  constructor(entries: readonly OpenSSLErrorEntry[]) {
    super(entries.map(describeEntry).join('\n') || 'OpenSSL failed without saying why');
    this.name = 'OpenSSLError';
    this.entries = entries;
  }
}

/** In the form of OpenSSL's ERR_error_string(3). */
export function describeEntry({ code, library, reason, data }: OpenSSLErrorEntry): string {
  const hex = (code >>> 0).toString(16).toUpperCase().padStart(8, '0');
  return `error:${hex}:${library}::${reason}${data && `:${data}`}`;
}

/** OpenSSL 4 dropped SSL 3, and its name out of these: programs know them by the words of 3.5, in node:tls's codes. */
function knownReason(reason: string): string {
  return reason.replace(/^tls (?=alert )/, 'ssl/tls ').replace(/^tls (?=ext |session id )/, 'ssl3 ');
}

/** Reads the form that wasm/errors.c writes. */
export function parseErrorQueue(bytes: Uint8Array): OpenSSLErrorEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const decoder = new TextDecoder();
  const entries: OpenSSLErrorEntry[] = [];
  let at = 0;
  const text = (): string => {
    const end = bytes.indexOf(0, at);
    const found = decoder.decode(bytes.subarray(at, end));
    at = end + 1;
    return found;
  };
  while (at < bytes.length) {
    const code = view.getUint32(at, true);
    at += 4;
    entries.push({ code, library: text(), reason: knownReason(text()), data: text() });
  }
  return entries;
}
