import { describe, expect, test } from 'vitest';
import { NodeAead } from '../../src/platform/records/node-aead.ts';
import { advance, wipeTrafficKeys } from '../../src/record/crypto-info.ts';
import { SoftwareSealer } from '../../src/record/software-sealer.ts';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';
import { randomTrafficKeys } from '../contract/harness.ts';
import { pattern } from '../helpers/pattern.ts';
import { allSuites } from './suites.ts';

/** The contract (test/contract) covers what is sealed; this is about the object itself. */
describe.each(allSuites)('%s %s', (_, aead, version) => {
  const keys = randomTrafficKeys({ version, aead, startAt: 7n });

  test('counts records, not calls', () => {
    const sealer = createSealer(keys);
    expect(sealer.sequenceNumber).toBe(7n);
    sealer.seal(23, new Uint8Array());
    expect(sealer.sequenceNumber).toBe(8n);
    sealer.seal(23, pattern(40_000));
    expect(sealer.sequenceNumber).toBe(11n);
  });

  test('another sealer can carry on, with advanced keys', () => {
    const whole = createSealer(keys);
    const first = createSealer(keys);
    const expected = [1, 2, 3, 4].map((length) => whole.seal(23, pattern(length)));
    const sealed = [1, 2].map((length) => first.seal(23, pattern(length)));
    const second = createSealer(advance(keys, first.sequenceNumber));
    expect([...sealed, ...[3, 4].map((length) => second.seal(23, pattern(length)))]).toEqual(expected);
  });

  test('the last sequence number can be used, and none after it', () => {
    const sealer = createSealer({ ...keys, sequenceNumber: 2n ** 64n - 2n });
    expect(() => sealer.seal(23, pattern(3 * 16384))).toThrow('used up');
    // Nothing of that was sealed: the numbers are still there.
    sealer.seal(23, pattern(2 * 16384));
    expect(() => sealer.seal(23, pattern(1))).toThrow('used up');
    expect(() => sealer.seal(21, pattern(2))).toThrow('used up');
  });

  test('the keys it was made from can be wiped at once', () => {
    const own = { ...keys, key: keys.key.slice(), iv: keys.iv.slice() };
    const sealer = createSealer(own);
    wipeTrafficKeys(own);
    expect(sealer.seal(23, pattern(50))).toEqual(createSealer(keys).seal(23, pattern(50)));
  });

  test('leaves the keys it was made from alone', () => {
    const own = { ...keys, key: keys.key.slice(), iv: keys.iv.slice() };
    const sealer = createSealer(own);
    sealer.seal(23, pattern(50_000));
    sealer.dispose();
    expect(own).toEqual(keys);
  });

  test('is of no use once disposed of', () => {
    const sealer = createSealer(keys);
    sealer.dispose();
    expect(() => sealer.seal(23, pattern(1))).toThrow('disposed');
  });
});

function createSealer(keys: TrafficKeys): SoftwareSealer {
  return new SoftwareSealer(keys, new NodeAead(keys.aead, keys.key));
}
