/** Something that happened on a connection. */
export interface Mark {
  /** Milliseconds since the connection was accepted. */
  readonly at: number;
  readonly kind: 'accepted' | 'layer' | 'secure' | 'keys' | 'request' | 'closed' | 'failed';
  /** Of a record layer and of keys: which way the data goes, seen from this side. */
  readonly direction?: 'read' | 'write';
  readonly text: string;
}

/** One way of a connection. */
export interface DirectionView {
  readonly layer: 'kernel' | 'native' | 'wasm';
  /** Why this is not the kernel. */
  readonly reason: string | null;
  /** How often keys were changed; null before there are any, and where nobody tells. */
  readonly epoch: number | null;
  /** Of plaintext. */
  readonly bytes: number;
}

/** What may be seen of a connection: no secrets, and nothing of what was sent. JSON. */
export interface ConnectionView {
  readonly id: number;
  readonly state: 'handshake' | 'open' | 'closed' | 'failed';
  readonly peer: string;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  /** Milliseconds from then on to now, or to the end. */
  readonly age: number;
  readonly servername: string | null;
  readonly version: string | null;
  readonly suite: string | null;
  readonly group: string | null;
  readonly alpn: string | null;
  readonly resumed: boolean;
  readonly read: DirectionView;
  readonly write: DirectionView;
  readonly requests: number;
  readonly marks: readonly Mark[];
  /** How many marks had no place any more. */
  readonly marksLeftOut: number;
  /** Bytes read and written in each of the last intervals, the newest last. */
  readonly samples: readonly (readonly [read: number, written: number])[];
}

/** Of all connections since the server's start. */
export interface Totals {
  readonly connections: number;
  readonly live: number;
  readonly read: number;
  readonly written: number;
}

/** What the page is sent: all connections at first, then those that have changed. */
export interface Snapshot {
  /** The address of the server that is watched. */
  readonly serves: string;
  readonly totals: Totals;
  readonly connections: readonly ConnectionView[];
}

/** Milliseconds between samples. */
export const sampleInterval = 500;
