import type { AlertLevel } from '../protocol/alert.ts';
import type { ContentTypeByte } from '../protocol/content-type.ts';
import type { KernelAeadName, TrafficKeys } from '../record/traffic-keys.ts';
import type { Negotiated } from './negotiated.ts';

export type Direction = 'read' | 'write';

/**
 * The port to whoever speaks TLS: a connection gives it records and has {@link Output}s from it, and knows nothing else of it. It has no socket,
 * does nothing by itself, and answers each call in order, now or, with the output `later` alone, by {@link Connection.answer}: until then nothing that
 * was received is given to it. What {@link fail} puts out is wanted at once.
 *
 * A call that cannot be carried out puts out `error`, which is final. Only {@link updateKeys} throws.
 */
export interface Handshake {
  /** Starts, which a client does with its hello; also goes on after `question`. */
  resume(): Output[];
  /**
   * Takes whole records as they came from the peer, at most 32 KiB of them; {@link unread} tells how much of them it left. Also what is no
   * record, or too long for one: it then says what is wrong.
   */
  ciphertext(records: Uint8Array): Output[];
  /**
   * Bytes at the end of what {@link ciphertext} was given last that it has not read: what lies behind the record that brought other keys,
   * which may be for somebody else to open, or behind the one with which it asked.
   */
  readonly unread: number;
  /** Takes a record that another record layer opened; meant for all but application data, which need not come here. */
  plaintext(type: ContentTypeByte, fragment: Uint8Array): Output[];
  /** Protects application data. Only for a direction whose keys were not handed out. */
  write(data: Uint8Array): Output[];
  /** Sends close_notify. */
  close(): Output[];
  /** Sends KeyUpdate; `requestPeer` asks the peer for one too. Throws before TLS 1.3 or the handshake's end. */
  updateKeys(requestPeer: boolean): Output[];
  /** Sends a fatal alert (RFC 8446 §6.2), under the keys that are in use. It is of no use after. */
  fail(description: number): Output[];
  /** A handshake message has arrived in part: only the rest of it may come now (RFC 8446 §5.1). */
  readonly inMessage: boolean;
  /** To be told of application data that it has not seen, before it gets an alert: warnings in a row are counted (RFC 8446 §6). */
  sawData(): void;
  /** Protocol version as on the wire, as far as it is known. */
  readonly version: number;
  /** As of now; what comes with `handshakeDone` is final. */
  readonly negotiated: Negotiated;
  readonly inspection: Inspection;
  /** Outputs `keyLog` from here on. */
  logKeys(): void;
  /** Called when what carries it is lost, also while nothing is being done; what puts out outputs puts out an error, too. */
  onLost: ((error: Error) => void) | undefined;
  readonly disposed: boolean;
  /** Frees and wipes all that it holds. */
  dispose(): void;
}

/** What few ask for: looked up when it is asked, and there for as long as the handshake is not disposed of. */
export interface Inspection {
  /** The session as it is now, in OpenSSL's ASN.1. A secret. */
  readonly session: Uint8Array | undefined;
  /** The session's ticket (RFC 5077). */
  readonly ticket: Uint8Array | undefined;
  /** The certificate that this side sent, DER. */
  readonly ownCertificate: Uint8Array | undefined;
  /** The chain as it was verified, up to the trust anchor, DER. */
  readonly verifiedChain: readonly Uint8Array[];
  /** Client: the server's share of the key exchange; undefined on a server and where OpenSSL cannot tell. */
  readonly ephemeralKey: { readonly type: string; readonly size: number; readonly name: string } | undefined;
  /** Signature algorithms that both sides support, as OpenSSL's s_server prints them. */
  readonly sharedSignatureAlgorithms: readonly string[];
  /** What became of an encrypted hello; undefined where none was asked for. */
  readonly ech: EchResult | undefined;
  /** The Finished message of either side (SSL_get_finished(3)). */
  finishedMessage(side: 'own' | 'peer'): Uint8Array | undefined;
  /** Keying material for other protocols (RFC 5705, RFC 8446 §7.5). Throws before the handshake's end. */
  exportKeyingMaterial(length: number, label: string, context?: Uint8Array): Uint8Array;
}

/** What became of a hello that was to be encrypted (RFC 9849). */
export interface EchResult {
  /**
   * Of a client: 'accepted', 'rejected', and 'greased' where it only looked like one. Of a server: 'accepted', 'absent', 'rejected' where it has
   * no key for it, and 'backend' where another server had decrypted it (§5.1).
   */
  readonly status: 'accepted' | 'rejected' | 'greased' | 'absent' | 'backend';
  /** The name in the hello that everybody can read. */
  readonly outerServerName: string | undefined;
  /** Client: the ECHConfigList that the server would have accepted, where its certificate is good for the outer name (§6.1.6). */
  readonly retryConfigs: Uint8Array | undefined;
}

/** What a handshake wants done, in order. Byte arrays are the receiver's own. */
export type Output =
  /** TLS records for the peer, as they are. */
  | { readonly kind: 'ciphertext'; readonly bytes: Uint8Array }
  /** A record for the record layer that took the write keys. */
  | { readonly kind: 'record'; readonly type: ContentTypeByte; readonly fragment: Uint8Array }
  /** From here on a record layer outside carries this direction. The keys are the receiver's to wipe. */
  | { readonly kind: 'installKeys'; readonly direction: Direction; readonly keys: TrafficKeys }
  /** From here on OpenSSL protects this direction with these keys, which are the receiver's to wipe. */
  | { readonly kind: 'keys'; readonly direction: Direction; readonly keys: TrafficKeys<KernelAeadName> }
  /** Data of a direction that OpenSSL protects itself. */
  | { readonly kind: 'applicationData'; readonly bytes: Uint8Array }
  | { readonly kind: 'handshakeDone'; readonly negotiated: Negotiated }
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
  | Question
  /** The answer to this call comes by {@link Connection.answer}. There is no other output beside it. */
  | { readonly kind: 'later' }
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

/**
 * What the application is asked in the middle of a handshake. This kind may wait for its answer: the handshake stands still until
 * {@link Handshake.resume}. The kind that OpenSSL cannot wait for is {@link ImmediateAnswers}.
 */
export type Question =
  /** Server: the client's hello has come. A context can be chosen for its name, and its session be looked up. */
  | {
      readonly kind: 'question';
      readonly about: 'hello';
      readonly sessionId: Uint8Array;
      readonly hasTicket: boolean;
      /** Empty without one (RFC 6066 §3). */
      readonly serverName: string;
    }
  /** Server: a response can be stapled. */
  | { readonly kind: 'question'; readonly about: 'certificate'; readonly wantsOcsp: boolean };

/** Who answers the questions that cannot wait. A method that answers undefined refuses; a question without a method is not asked. */
export interface ImmediateAnswers {
  /** Server: the client's protocols in wire format → offset of the chosen one's length byte in them (RFC 7301 §3.2). */
  alpn?(protocols: Uint8Array): number | undefined;
  /** Client: the server's hint, empty for none → key and identity (RFC 4279, RFC 8446 §4.2.11). The key is wiped. */
  pskClient?(hint: string): { readonly psk: Uint8Array; readonly identity: string } | undefined;
  /** Server: the client's identity → its key, which is wiped. */
  pskServer?(identity: string): Uint8Array | undefined;
}

/** Largest pre-shared key and identity in bytes (OpenSSL’s PSK_MAX_PSK_LEN and PSK_MAX_IDENTITY_LEN). */
export const maxPskLength = 512;
export const maxPskIdentityLength = 256;

/** One entry of OpenSSL's error queue (ERR_get_error_all(3)). */
export interface OpenSSLErrorEntry {
  /** Packed library and reason. */
  readonly code: number;
  readonly library: string;
  readonly reason: string;
  readonly data: string;
}
