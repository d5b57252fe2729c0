import type { SoftwareLayer } from '../../connection/record-layer.ts';
import { SoftwareOpener } from '../../record/software-opener.ts';
import { SoftwareSealer } from '../../record/software-sealer.ts';
import { createAddonOpener, createAddonSealer } from './addon-aead.ts';
import { NodeAead } from './node-aead.ts';
import { allocateRecords } from './record-memory.ts';

/** The layer `native`: the addon's batched AEAD where it is there, node:crypto elsewhere. */
export const softwareLayer: SoftwareLayer = {
  sealer(keys) {
    const sealer = createAddonSealer(keys);
    return 'refused' in sealer ? nodeLayer.sealer(keys) : sealer;
  },
  opener(keys) {
    const opener = createAddonOpener(keys);
    return 'refused' in opener ? nodeLayer.opener(keys) : opener;
  },
};

/** The layer `native` with nothing but node:crypto. */
const nodeLayer: SoftwareLayer = {
  sealer: (keys) => new SoftwareSealer(keys, new NodeAead(keys.aead, keys.key), allocateRecords),
  opener: (keys) => new SoftwareOpener(keys, new NodeAead(keys.aead, keys.key)),
};
