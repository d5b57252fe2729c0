import { loadAddon } from '../../../src/platform/addon/addon.ts';
import type { Target } from '../target.ts';

/** Values of all kinds: an input's bytes choose among them. */
const values: readonly unknown[] = [
  ...[
    undefined,
    null,
    true,
    false,
    0,
    1,
    -1,
    16,
    23,
    255,
    256,
    0x0303,
    0x0304,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    Number.NaN,
    1.5,
  ],
  ...[
    0n,
    1n,
    -1n,
    2n ** 64n - 1n,
    2n ** 64n,
    'aes-128-gcm',
    'chacha20-poly1305',
    'x25519',
    'secp256r1',
    '',
    'x'.repeat(300),
  ],
  ...[
    new Uint8Array(),
    new Uint8Array(12),
    new Uint8Array(16),
    new Uint8Array(32),
    new Uint8Array(65),
    new Uint8Array(70_000),
  ],
  ...[
    Buffer.alloc(40, 23),
    new DataView(new ArrayBuffer(9)),
    new Float64Array(3),
    new ArrayBuffer(8),
    {},
    [],
    () => {},
    Symbol('s'),
  ],
];

/** The addon's functions and objects take anything, and throw a TypeError, a RangeError or an Error, or do what they are asked. */
export const target: Target = {
  seeds: () => [
    // RecordCipher of AES-128-GCM, TLS 1.3, seal; then seal()
    Uint8Array.of(0, 6, 24, 31, 30, 18, 12, 2, 0, 4, 8, 31, 34, 4),
    Uint8Array.of(0, 6, 24, 31, 30, 18, 12, 3, 1, 5, 35, 4, 7, 34, 4),
    Uint8Array.of(1, 1, 26, 0, 0),
    Uint8Array.of(2, 7, 34, 4, 7, 5, 7, 6, 7),
  ],
  run(input) {
    const loaded = loadAddon();
    const cryptography = 'refused' in loaded ? undefined : loaded.addon.cryptography;
    if (!cryptography) return;
    const { RecordCipher, KeyExchange, applyCounterMode } = cryptography;
    const bytes = [...input];
    const next = (): number => bytes.shift() ?? 0;
    const list = (): unknown[] => Array.from({ length: next() % 8 }, () => values[next() % values.length]);
    const called = (call: () => unknown): unknown => {
      try {
        return call();
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        return undefined;
      }
    };
    const kind = next() % 3;
    if (kind === 2) {
      called(() => Reflect.apply(applyCounterMode, undefined, list()));
      return;
    }
    const constructed = kind === 0 ? RecordCipher : KeyExchange;
    const names = kind === 0 ? ['seal', 'open', 'dispose', 'sequenceNumber'] : ['share', 'finish', 'dispose'];
    const made = called(() => Reflect.construct(constructed, list()));
    if (typeof made !== 'object' || made === null) return;
    while (bytes.length > 0) {
      const name = names[next() % names.length] ?? '';
      const member: unknown = called(() => Reflect.get(made, name));
      if (typeof member === 'function') called(() => Reflect.apply(member, made, list()));
    }
    called(() => Reflect.apply(Reflect.get(made, 'dispose'), made, []));
  },
};
