import type { ByteSink, KernelPort } from '../../connection/record-layer.ts';
import type { OpenedRecords } from '../../record/protection.ts';

/** Takes what a transport receives. */
export interface TransportReceiver {
  /** How many bytes at most the next {@link bytes} may bring. */
  readonly wanted: number;
  /** The peer has said that it sends no more: records that follow all the same are not to be opened. */
  readonly peerClosed: boolean;
  /** Bytes as the peer sent them; they change after the call. `room`: how many in front of them, in the same memory, may be overwritten. */
  bytes(chunk: Uint8Array, room?: number): void;
  /** Records that the kernel opened. */
  opened(records: Omit<OpenedRecords, 'consumed'>): void;
  /** The peer's FIN. */
  end(): void;
  /** Final. The stream below has been destroyed, or will be. */
  error(error: Error): void;
  /** Final: the stream below is closed. */
  closed(): void;
}

/** What a TLS connection stands on: bytes in both directions, and the kernel's TLS where there is one. */
export interface Transport extends ByteSink {
  readonly kernel: KernelPort;
  readonly bytesReceived: number;
  /** It receives at most once between two ticks: whoever has put something off until the next one need not pause it for that. */
  readonly waitsForTicks: boolean;
  /** Starts receiving. */
  start(receiver: TransportReceiver): void;
  pause(): void;
  resume(): void;
  /** Whether receiving keeps the event loop alive. */
  ref(): void;
  unref(): void;
  /** Ends both directions at once. */
  destroy(): void;
}
