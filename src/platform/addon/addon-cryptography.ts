import type { CounterMode } from '../../engine/host/counter-mode.ts';

/** Batched cryptography by the libcrypto that the process has: the addon's part `cryptography`, from native/cryptography/. */
export interface AddonCryptography {
  readonly RecordCipher: RecordCipherConstructor;
  /** Throws also for places that are not within `memory`, or overlap. */
  readonly applyCounterMode: CounterMode['apply'];
  readonly KeyExchange: KeyExchangeConstructor;
}

/** Seals or opens many records in a call, with one key. TLS 1.2 and 1.3. */
export interface RecordCipher {
  /** Number of the next record; 2^64 when they are used up. */
  readonly sequenceNumber: bigint;
  /**
   * Seals `fragment` into `out` from `outOffset` on, as many records as it takes (one, if it is empty) of up to
   * `maxFragment` bytes each (16384). Returns their length. Throws a RangeError, with nothing sealed, if `out` is too
   * short or the sequence numbers are used up. The two must not overlap.
   */
  seal(type: number, fragment: Uint8Array, out: Uint8Array, outOffset: number, maxFragment?: number): number;
  /**
   * Opens whole records between `start` and `end` of `input` into `out` from `outOffset` on, where application data is
   * joined, until something else comes. {@link state} has the lengths. A fault is final, and nothing of the faulty
   * record stays in `out`. The two must not overlap.
   */
  open(input: Uint8Array, start: number, end: number, out: Uint8Array, outOffset: number): OpenStop;
  /** What the last {@link open} found, by {@link OpenState}. A sealing cipher has none. */
  readonly state: Int32Array & OpenNumbers;
  /** Wipes the key. */
  dispose(): void;
}

export interface RecordCipherConstructor {
  /** `version`: 0x0303 or 0x0304. `iv`: see TrafficKeys. A cipher seals or it opens. */
  new (
    aead: string,
    key: Uint8Array,
    iv: Uint8Array,
    sequenceNumber: bigint,
    version: number,
    seal: boolean,
  ): RecordCipher;
  /** Whether the process's libcrypto has the algorithm (in FIPS mode it may not). */
  supports(aead: string): boolean;
}

/** Why {@link RecordCipher.open} came to a stop. */
export const OpenStop = {
  /** What is left of the input is the start of a record, or nothing. */
  partial: 0,
  /** No room for the next record. */
  full: 1,
  /** A record that is not application data; it may change the keys. */
  control: 2,
  /** A record that is no good, or comes after one. */
  fault: 3,
} as const;
export type OpenStop = (typeof OpenStop)[keyof typeof OpenStop];

/** Places in {@link RecordCipher.state}. */
export const OpenState = {
  /** Bytes of input that are done with. */
  consumed: 0,
  applicationDataLength: 1,
  /** With `control`: type and length of the record behind the application data. */
  controlType: 2,
  controlLength: 3,
  /** With `fault`: which. */
  fault: 4,
  /** Records of application data, empty ones among them. */
  applicationDataRecords: 5,
} as const;

/** The elements of {@link RecordCipher.state}, which are always there. */
interface OpenNumbers {
  readonly [OpenState.consumed]: number;
  readonly [OpenState.applicationDataLength]: number;
  readonly [OpenState.controlType]: number;
  readonly [OpenState.controlLength]: number;
  readonly [OpenState.fault]: OpenFault;
  readonly [OpenState.applicationDataRecords]: number;
}

/** What can be wrong with a record. */
export const OpenFault = {
  wrongOuterType: 1,
  wrongVersion: 2,
  ciphertextTooLong: 3,
  notAuthentic: 4,
  plaintextTooLong: 5,
  noContentType: 6,
  emptyControlRecord: 7,
  tooManyEmptyRecords: 8,
  sequenceNumbersUsedUp: 9,
} as const;
export type OpenFault = (typeof OpenFault)[keyof typeof OpenFault];

/** One side of a key exchange, the one that starts it: makes a private key, which is good for one {@link finish}. */
interface KeyExchange {
  share(): Uint8Array;
  /** The secret, or undefined if the other's share is none of the group's. The key is wiped either way. */
  finish(peerShare: Uint8Array): Uint8Array | undefined;
  dispose(): void;
}

export interface KeyExchangeConstructor {
  /** Throws a RangeError for a group that is not supported. */
  new (group: string): KeyExchange;
  /** The other side: its share and the secret; undefined as above. */
  respond(group: string, peerShare: Uint8Array): readonly [share: Uint8Array, secret: Uint8Array] | undefined;
  /** Whether the process's libcrypto has the group, by OpenSSL's name. */
  supports(group: string): boolean;
}
