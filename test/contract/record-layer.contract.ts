import { describe } from 'vitest';
import { ProtocolVersion } from '../../src/protocol/version.ts';
import type { AeadName } from '../../src/record/traffic-keys.ts';
import { unless } from '../helpers/unless.ts';
import { describeFaults } from './faults.ts';
import type { RecordLayerHarness } from './harness.ts';
import { describeReading } from './reading.ts';
import { describeWriting } from './writing.ts';

/** What every record layer must do, whoever does the cryptography: see harness.ts for how to put one under test. */
export function describeRecordLayer(name: string, harness: RecordLayerHarness): void {
  describe(`record layer ${name}`, () => {
    for (const [versionName, version] of Object.entries(ProtocolVersion)) {
      for (const aead of aeads) {
        const supported = harness.supports(version, aead);
        if (supported === 'by another') continue;
        unless(supported !== true && supported, describe)(`${versionName} ${aead}`, () => {
          describeWriting(harness, { version, aead });
          describeReading(harness, { version, aead });
          describeFaults(harness, { version, aead });
        });
      }
    }
  });
}

const aeads: readonly AeadName[] = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'];
