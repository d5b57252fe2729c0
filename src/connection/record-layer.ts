import type { ContentTypeByte } from '../protocol/content-type.ts';
import type { RecordOpener, RecordSealer } from '../record/protection.ts';
import type { TrafficKeys } from '../record/traffic-keys.ts';

/** Who protects a direction's records: the Linux kernel, this process's own AEAD, or OpenSSL in the wasm module. */
export type RecordLayerName = 'kernel' | 'native' | 'wasm';

/** Told of the keys that a layer has just been given, before they are wiped. */
export type OnKeys = (keys: TrafficKeys, layer: RecordLayerName) => void;

/** A refusal is a value: the next layer in order takes the same keys. */
export interface Refused {
  /** Why, in words. */
  readonly refused: string;
  /** The system's name of the error, where it was the system that refused. */
  readonly code?: string;
}

/** Why a direction's keys are not given to the kernel. */
export interface KernelRefusal extends Refused {
  /** It may be otherwise once files are sent: the keys are kept ready for that. */
  readonly untilFiles?: boolean;
}

/** The layer `native`: makes openers and sealers from keys. */
export interface SoftwareLayer {
  sealer(keys: TrafficKeys): RecordSealer;
  opener(keys: TrafficKeys): RecordOpener;
}

/** The layer `kernel` on one socket. */
export interface KernelPort {
  /** False where {@link refuses} always says no to reads: nothing then needs to be left for the kernel to read. */
  readonly mayRead: boolean;
  /** Why the kernel should not be tried for these keys, or undefined. `fileBytes`: how much of files the connection was asked to send. */
  refuses(direction: 'read' | 'write', keys: TrafficKeys, fileBytes: number): KernelRefusal | undefined;
  /** Whether a direction with these keys, once installed, can be given others. Always false in TLS 1.2, where nothing asks for it. */
  rekeys(keys: TrafficKeys): boolean;
  /**
   * To be called where keys may come late: the kernel takes none for a connection of which the peer has ended its half, unless it was told before
   * that there will be some.
   */
  prepare?(): void;
  /**
   * Gives the kernel the keys of a direction; a second call changes them. From success on, bytes written to the transport are
   * application data, and what is received comes as records, opened.
   */
  install(direction: 'read' | 'write', keys: TrafficKeys): Refused | undefined;
  /** Sends one record that is not application data; 'blocked' when the socket takes no more now. Throws a system error. */
  sendRecord(type: ContentTypeByte, fragment: Uint8Array): 'sent' | 'blocked';
  /**
   * Sends at most `length` bytes of an open file as application data and answers how many; 0: the file ends there. 'refused': the kernel does
   * not send from this file, and reading it will tell why. Throws a system error of the socket.
   */
  sendFile(file: number, offset: number, length: number): number | 'blocked' | 'refused';
  /** The number of the next record that the kernel protects with the keys it was given; undefined if it does not tell. */
  sequenceNumber(direction: 'read' | 'write'): bigint | undefined;
  /** Calls back once, when {@link sendRecord} or {@link sendFile} is worth trying again. */
  whenWritable(callback: () => void): void;
}

/** Where a connection's bytes go. */
export interface ByteSink {
  /** Bytes that were written and that the system has not taken yet. */
  readonly pending: number;
  /** Whether {@link writeNow} is worth trying. */
  readonly isDirect: boolean;
  /** Whether the memory of written bytes may be used again when {@link write} says that it is done: a stream that is no socket may hand them on. */
  readonly isDoneWithMemory: boolean;
  /** As many bytes as the system takes at once, none while others are pending. Their memory may be used again after the call. */
  writeNow(bytes: Uint8Array): number;
  /** What is written until {@link uncork} may leave together. */
  cork(): void;
  uncork(): void;
  /** `done` is called when the system took the bytes, or with what went wrong. */
  write(bytes: Uint8Array, done: (error?: Error | null) => void): void;
  /** Ends the outgoing half: FIN behind all that was written. */
  end(done: () => void): void;
}

/** The kernel layer where there is none. */
export function noKernel(reason: string): KernelPort {
  const refusal = { refused: reason };
  return {
    mayRead: false,
    refuses: () => refusal,
    rekeys: () => false,
    install: () => refusal,
    sendRecord: () => {
      throw new Error(reason);
    },
    sendFile: () => {
      throw new Error(reason);
    },
    sequenceNumber: () => undefined,
    whenWritable: () => {},
  };
}
