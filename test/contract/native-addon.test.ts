import { createAddonOpener, createAddonSealer } from '../../src/platform/records/addon-aead.ts';
import { randomTrafficKeys } from './harness.ts';
import { describeRecordLayer } from './record-layer.contract.ts';
import { softwareHarness } from './software-harness.ts';

describeRecordLayer(
  "native, with the addon's batched AEAD",
  softwareHarness({
    // Where the addon was not built, or has no libcrypto to call, everything is skipped.
    supports: (version, aead) => {
      const sealer = createAddonSealer(randomTrafficKeys({ version, aead }));
      if ('refused' in sealer) return `no addon: ${sealer.refused}`;
      sealer.dispose();
      return true;
    },
    createSealer: (keys) => accepted(createAddonSealer(keys)),
    createOpener: (keys) => accepted(createAddonOpener(keys)),
  }),
);

function accepted<T extends object>(created: T | { readonly refused: string }): T {
  if ('refused' in created) throw new Error(created.refused);
  return created;
}
