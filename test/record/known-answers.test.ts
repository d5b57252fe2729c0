import { describe, expect, test } from 'vitest';
import { NodeAead } from '../../src/platform/records/node-aead.ts';
import { SoftwareOpener } from '../../src/record/software-opener.ts';
import { SoftwareSealer } from '../../src/record/software-sealer.ts';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';
import { opensslRecords } from '../helpers/openssl-records.ts';
import { countedExplicitNonce, referenceOpen, referenceSeal } from '../helpers/reference-protection.ts';
import { rfc8448 } from '../helpers/rfc8448.ts';

const published = rfc8448.map((vector) => ({ ...vector, name: `RFC 8448, ${vector.name}` }));

describe.each([...published, ...opensslRecords])('$name', ({ keys, records }) => {
  test('the reference opens and seals the records', () => {
    for (const [i, { type, fragment, wire }] of records.entries()) {
      const sequenceNumber = BigInt(i);
      expect(referenceOpen(keys, sequenceNumber, wire)).toEqual({ type, fragment });
      const explicitNonce = countedExplicitNonce(keys, sequenceNumber);
      expect(referenceSeal(keys, sequenceNumber, type, fragment, { explicitNonce })).toEqual(wire);
    }
  });

  test('SoftwareOpener opens the records', () => {
    const opener = new SoftwareOpener(keys, aead(keys));
    for (const { type, fragment, wire } of records) {
      const { consumed, applicationData, control, fault } = opener.open(wire);
      expect({ consumed, fault }).toEqual({ consumed: wire.length, fault: undefined });
      expect(control ?? { type: 23, fragment: applicationData }).toEqual({ type, fragment: Buffer.from(fragment) });
    }
  });

  test('SoftwareSealer seals the records', () => {
    const sealer = new SoftwareSealer(keys, aead(keys));
    for (const { type, fragment, wire } of records) expect(sealer.seal(type, fragment)).toEqual(wire);
  });
});

function aead({ aead, key }: TrafficKeys): NodeAead {
  return new NodeAead(aead, key);
}
