import type { ConnectionEvent } from './events.ts';
import type { Handshake } from './handshake.ts';
import type { ByteSink, KernelPort, SoftwareLayer } from './record-layer.ts';

export interface ConnectionOptions {
  /** Owned from here on: disposed of with the connection. */
  readonly handshake: Handshake;
  readonly sink: ByteSink;
  readonly software: SoftwareLayer;
  readonly kernel: KernelPort;
  /** By direction: only the kernel will do. */
  readonly requireKernel?: { readonly read: boolean; readonly write: boolean };
  /** Records after which the keys of a direction are changed; what is safe for the cipher if not given. */
  readonly keyUsageLimit?: number | undefined;
  /** Events that come while nothing is being received: a refusal on the write side, a failure to send. */
  readonly onEvent: (event: ConnectionEvent) => void;
  /** Client: with `secure`, what ends the handshake waits for {@link Connection.release}, so that no server that is refused gets it. */
  readonly holdsLastFlight: boolean;
  /** Tells of all keys, and keeps copies of those in use for {@link Connection.keys}. Default false. */
  readonly exportsKeys?: boolean;
  /** Tells of each change of keys, without the keys. Default false. */
  readonly tellsEpochs?: boolean;
}
