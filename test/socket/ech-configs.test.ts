import fc from 'fast-check';
import { expect, it } from 'vitest';
import { generateEchKey, readEchConfigs } from '../../src/ech.ts';

const u8 = (number: number): number[] => [number];
const u16 = (number: number): number[] => [number >> 8, number & 0xff];
const vector = (length: (size: number) => number[], bytes: Iterable<number>): number[] => {
  const all = [...bytes];
  return [...length(all.length), ...all];
};

const number16 = fc.integer({ min: 0, max: 0xffff });
const known = fc.record({
  configId: fc.integer({ min: 0, max: 255 }),
  publicKey: fc.uint8Array({ maxLength: 70 }),
  suites: fc.array(fc.tuple(number16, number16), { maxLength: 5 }),
  maxNameLength: fc.integer({ min: 0, max: 255 }),
  publicName: fc.uint8Array({ maxLength: 255 }),
  extensions: fc.array(fc.tuple(number16, fc.uint8Array({ maxLength: 20 })), { maxLength: 3 }),
});
const config = fc.oneof(
  known.map((fields) => ({ version: 0xfe0d, fields, bytes: contentsOf(fields) })),
  fc.record({
    version: number16.filter((version) => version !== 0xfe0d),
    bytes: fc.array(fc.integer({ min: 0, max: 255 })),
  }),
);

type Fields = typeof known extends fc.Arbitrary<infer Value> ? Value : never;

function contentsOf({ configId, publicKey, suites, maxNameLength, publicName, extensions }: Fields): number[] {
  return [
    ...[...u8(configId), ...u16(0x20), ...vector(u16, publicKey)],
    ...vector(
      u16,
      suites.flatMap((suite) => suite.flatMap(u16)),
    ),
    ...[...u8(maxNameLength), ...vector(u8, publicName)],
    ...vector(
      u16,
      extensions.flatMap(([type, data]) => [...u16(type), ...vector(u16, data)]),
    ),
  ];
}

it('readEchConfigs reads what RFC 9849 §4 writes', () => {
  fc.assert(
    fc.property(fc.array(config, { minLength: 1, maxLength: 4 }), (configs) => {
      const list = Uint8Array.from(
        vector(
          u16,
          configs.flatMap(({ version, bytes }) => [...u16(version), ...vector(u16, bytes)]),
        ),
      );
      const read = readEchConfigs(list);
      expect(read.map(({ version, length }) => [version, length])).toEqual(
        configs.map(({ version, bytes }) => [version, bytes.length]),
      );
      for (const [at, given] of configs.entries()) {
        const { contents } = read[at] ?? {};
        if (!('fields' in given)) {
          expect(contents).toBe(undefined);
          continue;
        }
        const { configId, publicKey, suites, maxNameLength, publicName, extensions } = given.fields;
        expect(contents).toMatchObject({
          configId,
          kem: 'x25519',
          maxNameLength,
          extensions: extensions.map(([type]) => type),
        });
        expect([contents?.publicKey.equals(publicKey), contents?.publicName]).toEqual([
          true,
          String.fromCharCode(...publicName),
        ]);
        expect(contents?.suites).toHaveLength(suites.length);
      }
      expect(readEchConfigs(Buffer.from(list).toString('base64'))).toEqual(read);
    }),
  );
});

it('refuses whatever else it is given, with one error', () => {
  const { configs } = generateEchKey({ publicName: 'outer.example' });
  const broken = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.nat({ max: configs.length - 1 }).map((length) => configs.subarray(0, length)),
    fc.tuple(fc.nat({ max: configs.length - 1 }), fc.integer({ min: 0, max: 255 })).map(([at, byte]) => {
      const changed = new Uint8Array(configs);
      changed[at] = byte;
      return changed;
    }),
  );
  fc.assert(
    fc.property(broken, (bytes) => {
      try {
        expect(readEchConfigs(bytes).length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
      }
    }),
  );
});
