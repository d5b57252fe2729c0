import { isSupported, NodeAead } from '../../src/platform/records/node-aead.ts';
import { SoftwareOpener } from '../../src/record/software-opener.ts';
import { SoftwareSealer } from '../../src/record/software-sealer.ts';
import { describeRecordLayer } from './record-layer.contract.ts';
import { softwareHarness } from './software-harness.ts';

describeRecordLayer(
  'native, with node:crypto',
  softwareHarness({
    supports: (_, aead) => isSupported(aead) || `no ${aead} in this Node.js`,
    createSealer: (keys) => new SoftwareSealer(keys, new NodeAead(keys.aead, keys.key)),
    createOpener: (keys) => new SoftwareOpener(keys, new NodeAead(keys.aead, keys.key)),
  }),
);
