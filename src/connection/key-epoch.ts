import type { KernelAeadName, TrafficKeys } from '../record/traffic-keys.ts';
import type { Direction } from './handshake.ts';
import type { RecordLayerName } from './record-layer.ts';

/** The keys of a direction from one change to the next. */
export interface KeyEpoch {
  readonly direction: Direction;
  /** 0 for the first application keys, one more with each KeyUpdate (RFC 8446 §7.2). */
  readonly epoch: number;
  readonly layer: RecordLayerName;
  /** For the next record. The receiver's own, and secret. */
  readonly keys: TrafficKeys<KernelAeadName>;
}
