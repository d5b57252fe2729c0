import { closeSync, openSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { loadAddon } from '../../../src/platform/addon/addon.ts';
import type { KernelCalls } from '../../../src/platform/kernel/kernel-calls.ts';
import { unless } from '../../helpers/unless.ts';

// Whatever JavaScript passes, the addon answers with a number or an exception. That it goes on living is the test.

const loaded = loadAddon();
if ('refused' in loaded) throw new Error(loaded.refused);
const { cryptography, kernel } = loaded.addon;
if (!cryptography) throw new Error('this process has no OpenSSL 3');
const { RecordCipher, applyCounterMode, KeyExchange } = cryptography;
// Only on Linux; what needs them is skipped elsewhere.
const calls = kernel as KernelCalls;
const describeOnLinux = unless(kernel === undefined && 'the addon has no calls of the kernel here', describe);

const nobodysDescriptor = 1_000_000;
const EBADF = -9;
const some = new Uint8Array(64);

type AnyFunction = (...args: unknown[]) => unknown;

const functions: readonly (keyof KernelCalls)[] = [
  'attachUlp',
  'installKeys',
  'readKeys',
  'sendRecord',
  'send',
  'sendFile',
  'readCached',
  'duplicate',
  'closeFd',
];

describeOnLinux('functions', () => {
  test('a descriptor that is not open is EBADF', () => {
    expect(calls.attachUlp(nobodysDescriptor)).toBe(EBADF);
    expect(calls.installKeys(nobodysDescriptor, 1, some)).toBe(EBADF);
    expect(calls.readKeys(nobodysDescriptor, 2, some)).toBe(EBADF);
    expect(calls.sendRecord(nobodysDescriptor, 21, some)).toBe(EBADF);
    expect(calls.send(nobodysDescriptor, some)).toBe(EBADF);
    expect(calls.sendFile(nobodysDescriptor, nobodysDescriptor, 2 ** 53 - 1, 2 ** 53 - 1)).toBe(EBADF);
    expect(calls.readCached(nobodysDescriptor, some, 0, 64, -1)).toBe(EBADF);
    expect(calls.duplicate(nobodysDescriptor)).toBe(EBADF);
    expect(calls.closeFd(nobodysDescriptor)).toBe(EBADF);
  });

  test.each(functions)('%s refuses a descriptor that is none', (name) => {
    const call = calls[name] as unknown as AnyFunction;
    for (const fd of [undefined, null, '1', 1n, {}, [], Symbol('1'), true]) {
      expect(() => call(fd, 1, some, 0), String(fd)).toThrow(TypeError);
    }
    // Node-API alone would make 0, 1 or 2147483647 of these: standard input and output are not to be closed by mistake.
    for (const fd of [Number.NaN, -1, 0.5, 1.5, 2 ** 31, Number.POSITIVE_INFINITY]) {
      expect(() => call(fd, 1, some, 0), String(fd)).toThrow(RangeError);
    }
  });

  test('directions are 1 and 2', () => {
    for (const direction of [0, 3, 1.5, -1]) {
      expect(() => (calls.installKeys as AnyFunction)(nobodysDescriptor, direction, some)).toThrow(RangeError);
      expect(() => (calls.readKeys as AnyFunction)(nobodysDescriptor, direction, some)).toThrow(RangeError);
    }
  });

  test('only a Uint8Array is bytes, and empty if it was transferred away', () => {
    expect(calls.send(nobodysDescriptor, transferred())).toBe(EBADF);
    const others = [undefined, 'x', [1], new ArrayBuffer(8), new Uint16Array(8), new DataView(new ArrayBuffer(8)), {}];
    for (const bytes of others) expect(() => (calls.send as AnyFunction)(nobodysDescriptor, bytes)).toThrow(TypeError);
  });
});

describeOnLinux('SocketPoll', () => {
  const file = openSync(import.meta.filename, 'r');
  afterAll(() => closeSync(file));

  test('a descriptor that cannot be watched', () => {
    expect(() => new calls.SocketPoll(nobodysDescriptor, () => {})).toThrow(
      expect.objectContaining({ code: 'EBADF', errno: EBADF }),
    );
    expect(() => new calls.SocketPoll(file, () => {})).toThrow(expect.objectContaining({ code: 'EPERM' }));
  });

  test('is made with new, and its methods are its own', () => {
    expect(() => (calls.SocketPoll as unknown as AnyFunction)(1, () => {})).toThrow(TypeError);
    for (const name of ['start', 'stop', 'ref', 'unref', 'close', 'receive', 'receiveMany']) {
      const method = Reflect.get(calls.SocketPoll.prototype, name) as AnyFunction;
      for (const self of [undefined, {}, Object.create(calls.SocketPoll.prototype), newCipher()]) {
        expect(() => method.call(self, some, 0, 1), name).toThrow(TypeError);
      }
    }
    expect(() => Reflect.get(calls.SocketPoll.prototype, 'recordType', newCipher())).toThrow(TypeError);
  });
});

describe('RecordCipher', () => {
  test('is made with new, and its methods are its own', () => {
    expect(() => (RecordCipher as unknown as AnyFunction)('aes-128-gcm')).toThrow(TypeError);
    for (const name of ['seal', 'open', 'dispose']) {
      const method = Reflect.get(RecordCipher.prototype, name) as AnyFunction;
      for (const self of [undefined, {}, Object.create(newCipher())]) {
        expect(() => method.call(self, 23, some, some, 0), name).toThrow(TypeError);
      }
    }
    for (const self of [{}, Object.create(newCipher()), 1]) {
      expect(() => Reflect.get(RecordCipher.prototype, 'sequenceNumber', self)).toThrow();
    }
  });

  test('keys have their length, numbers their range', () => {
    const key = new Uint8Array(16);
    const iv = new Uint8Array(12);
    const make = (...args: unknown[]) => Reflect.construct(RecordCipher, args);
    expect(() => make('aes-128-ccm', key, iv, 0n, 0x304, true)).toThrow(RangeError);
    expect(() => make('aes-128-gcm', new Uint8Array(32), iv, 0n, 0x304, true)).toThrow(RangeError);
    expect(() => make('aes-128-gcm', key, new Uint8Array(8), 0n, 0x304, true)).toThrow(RangeError);
    expect(() => make('aes-128-gcm', key, iv, -1n, 0x304, true)).toThrow(RangeError);
    expect(() => make('aes-128-gcm', key, iv, 2n ** 64n, 0x304, true)).toThrow(RangeError);
    expect(() => make('aes-128-gcm', key, iv, 0, 0x304, true)).toThrow(TypeError);
    expect(() => make('aes-128-gcm', key, iv, 0n, 0x302, true)).toThrow(RangeError);
    expect(() => make('aes-128-gcm', key, iv, 0n, 0x304)).toThrow(TypeError);
    expect(RecordCipher.supports('aes-128-ccm')).toBe(false);
    expect(() => (RecordCipher.supports as AnyFunction)(1)).toThrow(TypeError);
  });

  test('nothing is written or read outside of what was given', () => {
    const cipher = newCipher(true);
    const opener = newCipher(false);
    expect(() => cipher.seal(23, some, new Uint8Array(85), 0)).toThrow(RangeError);
    expect(() => cipher.seal(23, some, new Uint8Array(200), 201)).toThrow(RangeError);
    expect(() => cipher.seal(23, some, new Uint8Array(200), 0, 0)).toThrow(RangeError);
    expect(() => cipher.seal(23, some, new Uint8Array(200), 0, 16385)).toThrow(RangeError);
    expect(() => cipher.seal(0, some, new Uint8Array(200), 0)).toThrow(RangeError);
    expect(cipher.sequenceNumber).toBe(0n);
    expect(() => opener.open(some, 0, 65, some, 0)).toThrow(RangeError);
    expect(() => opener.open(some, 2, 1, some, 0)).toThrow(RangeError);
    expect(() => opener.open(some, 0, 1, some, 65)).toThrow(RangeError);
    expect(() => opener.seal(23, some, new Uint8Array(200), 0)).toThrow('other use');
    expect(() => cipher.open(some, 0, 1, some, 0)).toThrow('other use');
  });

  test('memory that was transferred away is not touched', () => {
    const opener = newCipher(false);
    structuredClone(opener.state, { transfer: [opener.state.buffer as ArrayBuffer] });
    expect(opener.open(some, 0, 0, some, 0)).toBe(0);
    expect(opener.state).toHaveLength(0);
    expect(() => newCipher(true).seal(23, some, transferred(), 0)).toThrow(RangeError);
  });
});

describe('KeyExchange', () => {
  test('is made with new, and its methods are its own', () => {
    expect(() => (KeyExchange as unknown as AnyFunction)('X25519')).toThrow(TypeError);
    for (const name of ['share', 'finish', 'dispose']) {
      const method = Reflect.get(KeyExchange.prototype, name) as AnyFunction;
      for (const self of [undefined, {}, Object.create(new KeyExchange('X25519')), newCipher()]) {
        expect(() => method.call(self, some), name).toThrow(TypeError);
      }
    }
  });

  test('knows the groups of TLS by their names, and nothing else', () => {
    for (const name of ['', 'x25519', 'X448', 'RSA', 'P-256\0']) {
      expect(KeyExchange.supports(name)).toBe(false);
      expect(() => new KeyExchange(name)).toThrow(RangeError);
      expect(() => KeyExchange.respond(name, some)).toThrow(RangeError);
    }
    expect(() => (KeyExchange.supports as AnyFunction)(1)).toThrow(TypeError);
    expect(() => (KeyExchange.respond as AnyFunction)('X25519', 'share')).toThrow(TypeError);
  });

  test('memory that was transferred away is no share', () => {
    expect(KeyExchange.respond('X25519', transferred())).toBeUndefined();
    expect(new KeyExchange('X25519').finish(transferred())).toBeUndefined();
  });
});

describe('applyCounterMode', () => {
  test('nothing is written or read outside of what was given', () => {
    const memory = new Uint8Array(64);
    const fine: readonly unknown[] = [memory, 0, 16, 16, 32, 48, 16];
    expect((applyCounterMode as unknown as AnyFunction)(...fine)).toBe(true);
    for (const [index, value] of [
      [1, 49],
      [1, -1],
      [2, 0],
      [2, 17],
      [2, 65],
      [3, 49],
      [4, 49],
      [5, 49],
      [5, 33],
      [6, 17],
      [6, 2 ** 53],
    ] as const) {
      expect(
        () => (applyCounterMode as unknown as AnyFunction)(...fine.with(index, value)),
        `${index}: ${value}`,
      ).toThrow(RangeError);
    }
    for (const index of fine.keys()) {
      expect(() => (applyCounterMode as unknown as AnyFunction)(...fine.with(index, '1')), `${index}`).toThrow(
        TypeError,
      );
    }
    expect(() => applyCounterMode(transferred(), 0, 16, 0, 0, 0, 0)).toThrow(RangeError);
  });
});

test('any arguments at all', () => {
  const odd = fc.oneof(
    fc.anything({
      withBigInt: true,
      withTypedArray: true,
      withDate: true,
      withNullPrototype: true,
      withSparseArray: true,
    }),
    fc.constantFrom(
      nobodysDescriptor,
      0,
      1,
      2,
      23,
      0x303,
      0x304,
      5n,
      true,
      false,
      'aes-128-gcm',
      'X25519',
      () => {},
      some,
    ),
    fc.constantFrom(
      some.subarray(0, 12),
      some.subarray(0, 16),
      new Uint8Array(new SharedArrayBuffer(16)),
      new Proxy({}, {}),
    ),
  );
  // Never the number of a descriptor that is open.
  const first = fc.oneof(
    odd.filter((value) => typeof value !== 'number'),
    fc.constant(nobodysDescriptor),
  );
  const callable: AnyFunction[] = [
    ...(kernel ? functions.map((name) => kernel[name] as unknown as AnyFunction) : []),
    ...['seal', 'open', 'dispose'].map((name) => {
      return (...args: unknown[]) => {
        const cipher = newCipher(name === 'seal');
        return (Reflect.get(cipher, name) as AnyFunction).apply(cipher, args);
      };
    }),
    ...(kernel ? [(...args: unknown[]) => Reflect.construct(kernel.SocketPoll, args)] : []),
    (...args) => Reflect.construct(RecordCipher, args),
    (...args) => Reflect.construct(KeyExchange, args),
    (...args) => (applyCounterMode as unknown as AnyFunction)(some.slice(), ...args),
    (...args) => (KeyExchange.respond as AnyFunction)('P-256', ...args),
    (...args) => (Reflect.get(KeyExchange.prototype, 'finish') as AnyFunction).apply(new KeyExchange('X25519'), args),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...callable), first, fc.array(odd, { maxLength: 6 }), (call, head, rest) => {
      try {
        call(head, ...rest);
      } catch (error) {
        expect(error instanceof TypeError || error instanceof RangeError || isSystemError(error)).toBe(true);
      }
    }),
    { numRuns: 5000 },
  );
});

function isSystemError(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, 'errno') === EBADF;
}

function transferred(): Uint8Array {
  const bytes = new Uint8Array(100);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
}

function newCipher(seal = true) {
  return new RecordCipher('aes-128-gcm', new Uint8Array(16), new Uint8Array(12), 0n, 0x304, seal);
}
