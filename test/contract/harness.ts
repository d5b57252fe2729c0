import { randomBytes } from 'node:crypto';
import type { AlertDescription } from '../../src/protocol/alert.ts';
import type { ContentTypeByte } from '../../src/protocol/content-type.ts';
import type { ProtocolVersionNumber } from '../../src/protocol/version.ts';
import type { AeadName, TrafficKeys } from '../../src/record/traffic-keys.ts';
import { isExplicit } from '../helpers/reference-protection.ts';

/**
 * What the record layer contract needs of a record layer to test it. To put one under test:
 *
 *     describeRecordLayer('kernel', { capabilities: {…}, supports: (version, aead) => …, open: async (options) => … });
 *
 * The suite is the peer: it seals and opens with test/helpers/reference-protection.ts. A harness only moves bytes: for
 * the kernel, to and from a plain socket whose other end is a kTLS fd; for OpenSSL in wasm, in and out of the engine.
 * A layer made of a RecordSealer and a RecordOpener has one already: software-harness.ts.
 */
export interface RecordLayerHarness {
  readonly capabilities: RecordLayerCapabilities;
  /** Whether the layer has a combination: a reason why not is what skips it, visibly. `by another`: it is under test elsewhere. */
  supports(version: ProtocolVersionNumber, aead: AeadName): true | 'by another' | `no ${string}`;
  /** A new pair of directions, ready for use. Every call is followed by one `close`. */
  open(options: OpenOptions): Promise<RecordLayerUnderTest>;
}

export interface OpenOptions {
  readonly version: ProtocolVersionNumber;
  readonly aead: AeadName;
  /** Number of the first record in both directions; only asked for with `capabilities.arbitrarySequenceNumber`. */
  readonly startAt?: bigint;
}

export interface RecordLayerUnderTest {
  /**
   * The keys in use, each with the number of its direction's next record. A harness that may choose takes
   * {@link randomTrafficKeys}; one that cannot says here what a handshake left it with. They must still be legible when
   * the layer has wiped its own: give it a copy.
   */
  readonly keys: { readonly write: TrafficKeys; readonly read: TrafficKeys };
  /**
   * Writes application data of any length, or one control record, and resolves with all that this put on the wire:
   * {@link wireLength} says how much there will be to wait for.
   */
  write(type: ContentTypeByte, fragment: Uint8Array): Promise<Uint8Array>;
  /** Puts bytes on the wire towards the layer. It may resolve before the layer has seen them, must not wait for `next`. */
  receive(wire: Uint8Array): Promise<void>;
  /** Ends the wire towards the layer (FIN), without a close_notify. */
  receiveEnd(): Promise<void>;
  /**
   * The next thing that the layer has read: waits for it, even if nothing is on the wire yet. Data may come in any
   * pieces, empty ones too, but never reaches across a control record.
   */
  next(): Promise<Outcome>;
  close(): Promise<void>;
}

export type Outcome =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'control'; readonly type: ContentTypeByte; readonly fragment: Uint8Array }
  | { readonly kind: 'fault'; readonly alert: AlertDescription }
  | { readonly kind: 'end'; readonly truncated: boolean };

interface RecordLayerCapabilities {
  /** `open` heeds `startAt`. */
  readonly arbitrarySequenceNumber: boolean;
  /** Writes control records as it is told, and hands over those it receives. OpenSSL does not: it acts on them. */
  readonly controlRecords: boolean;
  /** Writing no application data makes an empty record. */
  readonly emptyData: boolean;
  /** AES-GCM in TLS 1.2: explicit nonces count up from the keys' IV, so that the wire bytes can be foretold. */
  readonly countedExplicitNonce: boolean;
  /** The end of the stream within a record is told from one between records. */
  readonly seesTruncation: boolean;
  /** Where a fault is answered otherwise than by the RFC's alert; `accepted` skips the case. */
  readonly faults?: Partial<Record<FaultName, AlertDescription | 'accepted'>>;
  /** How often each property is tried; 50 if not given. */
  readonly propertyRuns?: number;
}

/** The faults that the contract makes, each the peer's (see faults.ts). */
export type FaultName =
  | 'wrong tag'
  | 'wrong ciphertext'
  | 'replay'
  | 'reordering'
  | 'too short for a tag'
  | 'too short for a type'
  | 'length field too large'
  | 'plaintext too long'
  | 'padding too long'
  | 'wrong version'
  | 'wrong outer type'
  | 'plaintext change_cipher_spec'
  | 'plaintext alert'
  | 'nothing but padding'
  | 'empty handshake record'
  | 'empty alert'
  | 'flood of empty records'
  | 'HTTP';

/** Keys for one direction. In TLS 1.2 with AES-GCM the IV holds the first explicit nonce, as the kernel wants it. */
export function randomTrafficKeys({ version, aead, startAt = 0n }: OpenOptions): TrafficKeys {
  const key = new Uint8Array(randomBytes(aead === 'aes-128-gcm' ? 16 : 32));
  return { version, aead, key, iv: new Uint8Array(randomBytes(12)), sequenceNumber: startAt };
}

/** How many bytes `fragmentLength` bytes become on the wire, in records as full as can be and without padding. */
export function wireLength(keys: Pick<TrafficKeys, 'version' | 'aead'>, fragmentLength: number): number {
  const records = Math.max(1, Math.ceil(fragmentLength / 16384));
  const overhead = 5 + 16 + (isExplicit(keys) ? 8 : 0) + (keys.version === 0x0304 ? 1 : 0);
  return fragmentLength + records * overhead;
}
