/** Values of an instrument's labels. None has anything secret, nor a peer's address or name. */
export type Labels = Readonly<Record<string, string>>;

interface Description {
  /** As Prometheus has it; OpenTelemetry's has points and no ending. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Something that is only added to. */
interface CounterDescription extends Description {
  readonly kind: 'counter';
  readonly unit: '1' | 'By';
}

/** A number that goes up and down. */
interface GaugeDescription extends Description {
  readonly kind: 'gauge';
  readonly unit: '1';
}

/** Durations, in seconds. */
interface HistogramDescription extends Description {
  readonly kind: 'histogram';
  readonly unit: 's';
  /** Upper bounds. */
  readonly buckets: readonly number[];
}

export type InstrumentDescription = CounterDescription | GaugeDescription | HistogramDescription;

/** Adds to a counter or gauge, or records a duration. */
export type Recorder = (labels: Labels, value: number) => void;

type InstrumentName =
  | 'open'
  | 'handshakes'
  | 'handshakeTime'
  | 'failures'
  | 'layers'
  | 'keyUpdates'
  | 'bytes'
  | 'fileBytes'
  | 'rotations'
  | 'storeFailures';

/** A way to record with each instrument. */
export type Instruments = Readonly<Record<InstrumentName, Recorder>>;

/** Makes one of each. */
export function makeInstruments(make: (description: InstrumentDescription) => Recorder): Instruments {
  return {
    open: make(descriptions.open),
    handshakes: make(descriptions.handshakes),
    handshakeTime: make(descriptions.handshakeTime),
    failures: make(descriptions.failures),
    layers: make(descriptions.layers),
    keyUpdates: make(descriptions.keyUpdates),
    bytes: make(descriptions.bytes),
    fileBytes: make(descriptions.fileBytes),
    rotations: make(descriptions.rotations),
    storeFailures: make(descriptions.storeFailures),
  };
}

/** Everything that is counted. */
const descriptions: Readonly<Record<InstrumentName, InstrumentDescription>> = {
  open: {
    ...{ kind: 'gauge', unit: '1', name: 'ktls_connections_open', labels: ['role'] },
    help: 'Connections that live, their handshakes included.',
  },
  handshakes: {
    ...{ kind: 'counter', unit: '1', name: 'ktls_handshakes_total' },
    help: 'Handshakes that ended well.',
    labels: ['role', 'version', 'cipher', 'group', 'resumed'],
  },
  handshakeTime: {
    ...{ kind: 'histogram', unit: 's', name: 'ktls_handshake_seconds', labels: ['role', 'version', 'resumed'] },
    help: 'From the beginning of TLS on a stream to the end of the handshake.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  failures: {
    ...{ kind: 'counter', unit: '1', name: 'ktls_connections_failed_total', labels: ['role', 'phase', 'code'] },
    help: 'Connections that ended with an error, by its code: in the handshake, or behind it.',
  },
  layers: {
    ...{ kind: 'counter', unit: '1', name: 'ktls_record_layers_total' },
    help: 'Directions of connections that a record layer has taken over, and why it is not the kernel.',
    labels: ['role', 'direction', 'layer', 'reason'],
  },
  keyUpdates: {
    ...{ kind: 'counter', unit: '1', name: 'ktls_key_updates_total', labels: ['role', 'direction'] },
    help: 'Changes of keys behind handshakes.',
  },
  bytes: {
    ...{ kind: 'counter', unit: 'By', name: 'ktls_bytes_total', labels: ['role', 'direction'] },
    help: 'Bytes of plaintext of connections that have ended.',
  },
  fileBytes: {
    ...{ kind: 'counter', unit: 'By', name: 'ktls_file_bytes_total', labels: ['way'] },
    help: 'Bytes of files among them: sent by the kernel without being read, or read and written.',
  },
  rotations: {
    ...{ kind: 'counter', unit: '1', name: 'ktls_ticket_key_rotations_total', labels: [] },
    help: 'Times that a keyring began to seal with another key.',
  },
  storeFailures: {
    ...{ kind: 'counter', unit: '1', name: 'ktls_ticket_store_failures_total', labels: [] },
    help: 'Times that a store of ticket keys or sessions failed.',
  },
};
