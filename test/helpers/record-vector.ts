import type { ContentTypeByte } from '../../src/protocol/content-type.ts';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';

/** Records that someone else protected, in order, and what is in them. */
export interface RecordVector {
  readonly name: string;
  /** For the first of `records`. */
  readonly keys: TrafficKeys;
  readonly records: readonly {
    readonly type: ContentTypeByte;
    readonly fragment: Uint8Array;
    readonly wire: Uint8Array;
  }[];
}
