import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { CounterMode } from '../engine/host/counter-mode.ts';
import { runsOnGlibc } from './c-library.ts';
import { packageFile } from './package-file.ts';

/**
 * The native addon: system calls and batched cryptography, no policy. Built from native/.
 *
 * While a worker is being terminated, methods of its objects may do nothing and return undefined, against their types.
 */
export interface Addon {
  /** `setsockopt(TCP_ULP, "tls")`. Here and below: 0 or what is described, or a negative errno. */
  attachUlp(fd: number): number;
  /** `setsockopt(TLS_TX or TLS_RX)` with the bytes of a `struct tls12_crypto_info_*`. */
  installKeys(fd: number, direction: KernelDirection, cryptoInfo: Uint8Array): number;
  /**
   * `getsockopt(TLS_TX or TLS_RX)` into `out`, which must have the exact length of the cipher's structure, or 4 for
   * version and cipher only. Returns the length.
   */
  readKeys(fd: number, direction: KernelDirection, out: Uint8Array): number;
  /** Sends one record of any type. Returns the bytes of `fragment` taken, never waits. */
  sendRecord(fd: number, type: number, fragment: Uint8Array): number;
  /** Sends bytes, on a socket with TLS_TX as application data. Returns how many were taken, never waits. */
  send(fd: number, bytes: Uint8Array): number;
  /** sendfile(2): `length` bytes from `offset` on of descriptor `file`. Returns how many were taken. */
  sendFile(fd: number, file: number, offset: number, length: number): number;
  /** A duplicate of the descriptor, closed on exec. */
  duplicate(fd: number): number;
  closeFd(fd: number): number;
  /** The two ends of a new TCP connection on 127.0.0.1, for {@link closeFd} to close. */
  loopbackPair(): readonly [number, number] | number;
  /** Undefined off Linux, where the functions above answer ENOTSUP. */
  readonly SocketPoll: SocketPollConstructor | undefined;
  /** Undefined where the process has no OpenSSL 3 to call. */
  readonly RecordCipher: RecordCipherConstructor | undefined;
  /** Likewise. Throws also for places that are not within `memory`, or overlap. */
  readonly applyCounterMode: CounterMode['apply'] | undefined;
  /** Likewise. */
  readonly KeyExchange: KeyExchangeConstructor | undefined;
}

/** The kernel's names for a direction of a TLS socket (linux/tls.h). */
export const KernelDirection = { TLS_TX: 1, TLS_RX: 2 } as const;
export type KernelDirection = (typeof KernelDirection)[keyof typeof KernelDirection];

/** libuv's events for {@link SocketPoll.start}, to be joined with `|` (uv_poll_start). */
export const PollEvent = { readable: 1, writable: 2, disconnect: 4 } as const;

/** A record's type where there is none: at the end of the stream, or without TLS_RX. */
export const noRecordType = 0;

/**
 * Readiness of a socket, and receiving from it, on a descriptor of its own beside the one that libuv watches.
 *
 * Started, it keeps itself and the event loop alive like an open socket; stopped and out of reach, it is collected and
 * closes itself. `close()` any number of times, also in the callback. The end of the thread closes it, too.
 */
export interface SocketPoll {
  /** Starts, or changes what is waited for. Level-triggered. 0, or a negative errno. */
  start(events: number): number;
  stop(): number;
  ref(): void;
  unref(): void;
  close(): void;
  /**
   * recvmsg(2) of at most `length` bytes, never waiting. Bytes, or a negative errno; 0 with {@link noRecordType} is the
   * end of the stream. Once TLS_RX is installed, give room for 16384 bytes: a longer record than `length` comes in
   * parts. `flags`: MSG_PEEK and the like.
   */
  receive(buffer: Uint8Array, offset: number, length: number, flags?: number): number;
  /** The error that is pending on the socket, a negative errno, and is not pending any more; 0: none (SO_ERROR, socket(7)). */
  takeError(): number;
  /** Type of the record, or records, that the last {@link receive} got bytes of; {@link noRecordType} without TLS_RX. */
  readonly recordType: number;
  /**
   * Application data until there is none, no room (`length` is at least 16384), or something else, which is whole and
   * lies behind the data. {@link state} has the lengths.
   *
   * After every answer but `blocked` call again when ready for more: the kernel may hold opened records back of which
   * the descriptor's readiness says nothing.
   */
  receiveMany(buffer: Uint8Array, offset: number, length: number): ReceiveStop;
  /** What the last {@link receiveMany} found, by {@link ReceiveState}. */
  readonly state: Int32Array & ReceiveNumbers;
}

export interface SocketPollConstructor {
  /**
   * `callback` gets libuv's status (0, or UV_EBADF for any error on the socket: {@link SocketPoll.receive} has the cause;
   * the poll is stopped then) and events. Throws a system error if the descriptor cannot be watched.
   */
  new (fd: number, callback: (status: number, events: number) => void): SocketPoll;
}

/** Why {@link SocketPoll.receiveMany} came to a stop. */
export const ReceiveStop = {
  /** Nothing more now; the poll will tell. */
  blocked: 0,
  /** No room for another record, or enough for one turn: call again, the poll may not tell. */
  full: 1,
  /** A record that is not application data; of type 0: bytes in the clear, as there is no TLS_RX. */
  control: 2,
  /** End of the stream. */
  end: 3,
  /** An error, told only once. */
  failed: 4,
} as const;
export type ReceiveStop = (typeof ReceiveStop)[keyof typeof ReceiveStop];

/** Places in {@link SocketPoll.state}. */
export const ReceiveState = {
  applicationDataLength: 0,
  /** With `control`: type and length of the record behind the application data. */
  controlType: 1,
  controlLength: 2,
  /** With `failed`: the negative errno. */
  error: 3,
} as const;

/** The elements of {@link SocketPoll.state}, which are always there. */
export interface ReceiveNumbers {
  readonly [ReceiveState.applicationDataLength]: number;
  readonly [ReceiveState.controlType]: number;
  readonly [ReceiveState.controlLength]: number;
  readonly [ReceiveState.error]: number;
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
export interface OpenNumbers {
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

export type LoadedAddon = { readonly addon: Addon } | { readonly refused: string };

/**
 * The addon, or why there is none: no build for this platform, `--no-addons`, the permission model, another runtime.
 * Loaded on first use, once.
 */
export function loadAddon(): LoadedAddon {
  loaded ??= load();
  return loaded;
}

let loaded: LoadedAddon | undefined;

function load(): LoadedAddon {
  const platform = `${process.platform}-${process.arch}`;
  const why = notMadeFor();
  if (why !== undefined) return { refused: `no native addon on ${platform}: ${why}` };
  try {
    const path = packageFile(`prebuilds/${platform}/ktls.node`);
    return { addon: createRequire(import.meta.url)(fileURLToPath(path)) as Addon };
  } catch (error) {
    return { refused: `no native addon on ${platform}: ${firstLine(error)}` };
  }
}

/** What a build would load into and not work with: it calls Node's libuv and, on Linux, glibc. */
function notMadeFor(): string | undefined {
  const { bun, deno } = process.versions;
  if (bun !== undefined || deno !== undefined) return 'it is made for Node.js, not for other runtimes';
  if (process.platform === 'linux' && !runsOnGlibc()) return 'it is made for glibc, not for musl';
  return undefined;
}

/** Node's message for a missing module goes on with the stack of requires. */
function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0] ?? message;
}
