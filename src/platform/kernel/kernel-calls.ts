/** System calls on TLS sockets, and on files for them: the addon's part `kernel`, from native/linux/. */
export interface KernelCalls {
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
  /**
   * preadv2(2) with `RWF_NOWAIT` of at most `length` bytes into `buffer` from `offset` on; `position` -1: from the descriptor's own place on. Returns the
   * bytes, 0 at the end. It never waits: EAGAIN where it would have to, EOPNOTSUPP of a file system that cannot tell.
   */
  readCached(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** A duplicate of the descriptor, closed on exec. */
  duplicate(fd: number): number;
  closeFd(fd: number): number;
  /** The two ends of a new TCP connection on 127.0.0.1, for {@link closeFd} to close. */
  loopbackPair(): readonly [number, number] | number;
  readonly SocketPoll: SocketPollConstructor;
}

/** The kernel's names for a direction of a TLS socket (linux/tls.h). */
export const KernelDirection = { TLS_TX: 1, TLS_RX: 2 } as const;
export type KernelDirection = (typeof KernelDirection)[keyof typeof KernelDirection];

/** libuv's events for {@link SocketPoll.start}, to be joined with `|` (uv_poll_start). */
export const PollEvent = { readable: 1, writable: 2, disconnect: 4 } as const;

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
   * recvmsg(2) of at most `length` bytes, never waiting. Bytes, or a negative errno; 0 with the type 0 is the
   * end of the stream. Once TLS_RX is installed, give room for 16384 bytes: a longer record than `length` comes in
   * parts. `flags`: MSG_PEEK and the like.
   */
  receive(buffer: Uint8Array, offset: number, length: number, flags?: number): number;
  /** The error that is pending on the socket, a negative errno, and is not pending any more; 0: none (SO_ERROR, socket(7)). */
  takeError(): number;
  /** Its own descriptor, which it closes; negative once it has. */
  readonly descriptor: number;
  /** Type of the record, or records, that the last {@link receive} got bytes of; 0 at the end of the stream and without TLS_RX. */
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

interface SocketPollConstructor {
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
interface ReceiveNumbers {
  readonly [ReceiveState.applicationDataLength]: number;
  readonly [ReceiveState.controlType]: number;
  readonly [ReceiveState.controlLength]: number;
  readonly [ReceiveState.error]: number;
}
