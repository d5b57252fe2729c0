import type { Endpoint } from '../pcap/endpoint.ts';
import type { TcpEnd } from '../pcap/tcp-connections.ts';
import type { ContentTypeByte } from '../protocol/content-type.ts';
import type { Unused } from './unused.ts';

/** Who sent something. */
export type Sender = 'client' | 'server';

/** What is known of a TLS connection in a capture, so far. Times are nanoseconds since 1970-01-01 UTC. */
export interface ConversationFacts {
  /** Counts from 1, in the order in which the conversations began. */
  readonly id: number;
  /** The conversation whose application data carry this one (TLS in TLS); undefined: it is TCP that does. */
  readonly within: number | undefined;
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly startTime: bigint;
  endTime: bigint;
  /** How the TCP connection ended; undefined while it has not. */
  ended: TcpEnd | undefined;
  /** 'TLSv1.2' and the like; undefined without a ServerHello. */
  version: string | undefined;
  /** IANA's name. */
  cipherSuite: string | undefined;
  /** Of the ClientHello (SNI, RFC 6066 §3). */
  serverName: string | undefined;
  /** What was negotiated (RFC 7301); undefined if nothing was, or if that was not to be read. */
  alpnProtocol: string | undefined;
  /** In hexadecimal: what key logs call the connection by. */
  clientRandom: string | undefined;
}

/** Keys of a direction, in the order in which TLS 1.3 comes to them. TLS 1.2 has the first and the last. */
export type Protection = 'none' | 'early' | 'handshake' | 'application';

/** One TLS record. */
export interface DecryptedRecord {
  /** When its last byte was captured. */
  readonly time: bigint;
  readonly sender: Sender;
  /** The real type; of a TLS 1.3 record that could not be opened, what its header shows. */
  readonly type: ContentTypeByte;
  /** Which keys protect it; undefined if it could not be opened. */
  readonly protection: Protection | undefined;
  /**
   * Which of the keys for application data, counted for each sender as exportKeys() does: from 0, and one more with each KeyUpdate. In
   * TLS 1.2, which has no others, a renegotiation begins the next. Undefined with other keys.
   */
  readonly epoch: number | undefined;
  /** Number of the record under its keys; undefined without protection, or if it could not be opened. */
  readonly sequenceNumber: bigint | undefined;
  /** Bytes of the record on the wire, without its header. */
  readonly length: number;
  /** The caller's own; undefined if the record could not be opened: the conversation's problems say why. */
  readonly plaintext: Uint8Array | undefined;
}

/** Something that could not be done, and why; each reason once. */
export interface ConversationProblem {
  readonly time: bigint;
  /** Whose bytes it is about; undefined if both. */
  readonly sender: Sender | undefined;
  readonly reason: string;
}

/** What decryption finds, in the order of the capture. */
export type DecryptionEvent =
  | { readonly kind: 'conversation'; readonly conversation: Readonly<ConversationFacts> }
  | { readonly kind: 'record'; readonly conversation: Readonly<ConversationFacts>; readonly record: DecryptedRecord }
  | {
      readonly kind: 'problem';
      readonly conversation: Readonly<ConversationFacts>;
      readonly problem: ConversationProblem;
    }
  | { readonly kind: 'end'; readonly conversation: Readonly<ConversationFacts> }
  /** About the file, not one connection. */
  | { readonly kind: 'captureProblem'; readonly reason: string }
  /** What of the file was not used, at its end. */
  | { readonly kind: 'unused'; readonly unused: readonly Unused[] };
