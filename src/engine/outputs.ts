import type { AlertLevel } from '../protocol/alert.ts';
import type { ContentTypeByte } from '../protocol/content-type.ts';
import type { OpenSSLErrorEntry } from './openssl-error.ts';
import { parseErrorQueue } from './openssl-error.ts';

export type Direction = 'read' | 'write';

/** What the engine wants done, in order. Byte arrays are the receiver's own. */
export type Output =
  /** TLS records for the peer, as they are. */
  | { readonly kind: 'ciphertext'; readonly bytes: Uint8Array }
  /** A record for the record layer that took the write keys. */
  | { readonly kind: 'record'; readonly type: ContentTypeByte; readonly fragment: Uint8Array }
  /** From here on a record layer outside carries this direction. `cryptoInfo` is the kernel's struct, and secret. */
  | { readonly kind: 'installKeys'; readonly direction: Direction; readonly cryptoInfo: Uint8Array }
  /** From here on OpenSSL protects this direction with these keys. `cryptoInfo` is the kernel's struct, and secret. */
  | { readonly kind: 'keys'; readonly direction: Direction; readonly cryptoInfo: Uint8Array }
  /** Data of a direction that OpenSSL protects itself. */
  | { readonly kind: 'applicationData'; readonly bytes: Uint8Array }
  | { readonly kind: 'handshakeDone' }
  /** A session that can be resumed: its id, its ticket (empty if it has none) and OpenSSL's ASN.1. */
  | { readonly kind: 'session'; readonly id: Uint8Array; readonly ticket: Uint8Array; readonly session: Uint8Array }
  | { readonly kind: 'keyLog'; readonly line: string }
  | { readonly kind: 'closeNotify' }
  | {
      readonly kind: 'alert';
      readonly direction: Direction;
      readonly level: (typeof AlertLevel)[keyof typeof AlertLevel] | number;
      readonly description: number;
    }
  /** The handshake waits for {@link Engine.resume}. */
  | Suspended
  /** Final. */
  | { readonly kind: 'error'; readonly entries: readonly OpenSSLErrorEntry[] }
  /** The peer changed its write keys, and may ask for ours to change (RFC 8446 §4.6.3). */
  | { readonly kind: 'keyUpdate'; readonly requested: boolean }
  /** The peer asked for a new handshake and was refused. */
  | { readonly kind: 'renegotiation' }
  /** Client: the OCSP response that the server stapled; null when there was none (RFC 6066 §8). */
  | { readonly kind: 'ocspResponse'; readonly response: Uint8Array | null }
  /** A message sent or received, in OpenSSL's words (SSL_trace(3)). */
  | { readonly kind: 'trace'; readonly text: string };

/** What a server's handshake waits for. */
export type Suspended =
  /**
   * The client's hello has come: a context can be chosen for its name, {@link Engine.setContext}, and its session be looked up,
   * {@link Engine.offerSession}.
   */
  | {
      readonly kind: 'suspended';
      readonly for: 'hello';
      readonly sessionId: Uint8Array;
      readonly hasTicket: boolean;
      /** Empty without one (RFC 6066 §3). */
      readonly serverName: string;
    }
  /** A response can be stapled: {@link Engine.setOcspResponse}. */
  | { readonly kind: 'suspended'; readonly for: 'certificate'; readonly wantsOcsp: boolean };

/** Reads a log as wasm/log.c writes it. Byte arrays are views of `log`. */
export function parseOutputs(log: Uint8Array): Output[] {
  const view = new DataView(log.buffer, log.byteOffset, log.length);
  const outputs: Output[] = [];
  for (let at = 0; at < log.length; ) {
    const length = view.getUint32(at + 4, true);
    const parse = parsers[view.getUint8(at)];
    if (!parse) throw new Error('the engine wrote an output of an unknown kind');
    outputs.push(parse(log.subarray(at + headLength, at + headLength + length), view.getUint8(at + 1)));
    at += headLength + length;
  }
  return outputs;
}

const headLength = 8;
const latin1 = new TextDecoder('latin1');
const direction = (detail: number): Direction => (detail === 1 ? 'write' : 'read');

/** By enum ktls_output of wasm/engine.h. */
const parsers: Readonly<Record<number, (bytes: Uint8Array, detail: number) => Output>> = {
  1: (bytes) => ({ kind: 'ciphertext', bytes }),
  2: (fragment, type) => ({ kind: 'record', type, fragment }),
  3: (cryptoInfo, detail) => ({ kind: 'installKeys', direction: direction(detail), cryptoInfo }),
  4: (bytes) => ({ kind: 'applicationData', bytes }),
  5: () => ({ kind: 'handshakeDone' }),
  6: (bytes) => {
    const idEnd = 1 + (bytes[0] ?? 0);
    const ticketEnd = idEnd + 2 + (bytes[idEnd] ?? 0) + ((bytes[idEnd + 1] ?? 0) << 8);
    return {
      kind: 'session',
      id: bytes.slice(1, idEnd),
      ticket: bytes.slice(idEnd + 2, ticketEnd),
      // A secret, and no copy of it.
      session: bytes.subarray(ticketEnd),
    };
  },
  7: (bytes) => ({ kind: 'keyLog', line: latin1.decode(bytes) }),
  8: () => ({ kind: 'closeNotify' }),
  9: (bytes, detail) => ({
    kind: 'alert',
    direction: direction(detail),
    level: bytes[0] ?? 0,
    description: bytes[1] ?? 0,
  }),
  10: (bytes, detail) => {
    if (detail === 1) return { kind: 'suspended', for: 'certificate', wantsOcsp: bytes[0] === 1 };
    const idEnd = 2 + (bytes[1] ?? 0);
    const serverName = byteText(bytes.subarray(idEnd));
    return { kind: 'suspended', for: 'hello', sessionId: bytes.slice(2, idEnd), hasTicket: bytes[0] === 1, serverName };
  },
  11: (bytes) => ({ kind: 'error', entries: parseErrorQueue(bytes) }),
  12: (_, detail) => ({ kind: 'keyUpdate', requested: detail === 1 }),
  13: () => ({ kind: 'renegotiation' }),
  15: (bytes) => ({ kind: 'trace', text: latin1.decode(bytes) }),
  16: (cryptoInfo, detail) => ({ kind: 'keys', direction: direction(detail), cryptoInfo }),
  14: (response, detail) => ({ kind: 'ocspResponse', response: detail === 1 ? response : null }),
};

/** A character for each byte. TextDecoder's 'latin1' is windows-1252, which is another. */
export function byteText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
