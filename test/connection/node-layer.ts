import type { SoftwareLayer } from '../../src/connection/record-layer.ts';
import { NodeAead } from '../../src/platform/records/node-aead.ts';
import { SoftwareOpener } from '../../src/record/software-opener.ts';
import { SoftwareSealer } from '../../src/record/software-sealer.ts';

/** The layer `native`, by node:crypto. */
export const nodeLayer: SoftwareLayer = {
  sealer: (keys) => new SoftwareSealer(keys, new NodeAead(keys.aead, keys.key)),
  opener: (keys) => new SoftwareOpener(keys, new NodeAead(keys.aead, keys.key)),
};
