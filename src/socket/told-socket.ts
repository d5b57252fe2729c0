import type net from 'node:net';
import type { RecordLayerName } from '../connection/record-layer.ts';

/** The layers that carry a connection's records, and why a direction is not on the kernel. */
export interface RecordLayers {
  readonly read: RecordLayerName;
  readonly write: RecordLayerName;
  readonly reason: { readonly read?: string; readonly write?: string };
}

/** Of a TLSSocket, what its parts set and ask: they know nothing else of its class. */
export interface ToldSocket extends net.Socket {
  readonly server: net.Server | null;
  readonly recordLayer: RecordLayers;
  servername: string | false | null;
  alpnProtocol: string | false | null;
  secureConnecting: boolean;
  closeNotifyReceived: boolean;
  /** net.Socket's: something has happened, so its timeout begins anew. */
  _unrefTimer(): void;
}
