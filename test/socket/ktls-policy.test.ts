import { afterEach, describe, expect, test, vi } from 'vitest';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';
import { type KtlsOption, ktlsPolicy, type Machine } from '../../src/socket/ktls-policy.ts';

afterEach(() => vi.unstubAllEnvs());

const works = { read: undefined, write: undefined, rekey: true };
const machine = (parts: Partial<Machine> = {}): Machine => ({
  kernelTls: () => ({}),
  cipherSupport: () => works,
  kernelFaults: () => [],
  ...parts,
});
const keys = (version: 0x0303 | 0x0304): TrafficKeys => ({
  version,
  aead: 'aes-128-gcm',
  key: new Uint8Array(16),
  iv: new Uint8Array(12),
  sequenceNumber: 0n,
});
const decide = (option: KtlsOption | undefined, on: Machine, version: 0x0303 | 0x0304 = 0x0304) => {
  const policy = ktlsPolicy(option, on);
  return [
    policy.kernel.refuses('read', keys(version))?.refused,
    policy.kernel.refuses('write', keys(version))?.refused,
  ];
};

describe('the option ktls', () => {
  test("is 'auto' by default: both directions where the kernel can do all", () => {
    expect(decide(undefined, machine())).toEqual([undefined, undefined]);
  });

  test("'off' and KTLS=off keep the kernel out, and ask it nothing", () => {
    const unasked = machine({ kernelTls: vi.fn(), cipherSupport: vi.fn() });
    expect(decide('off', unasked)).toEqual(Array(2).fill("switched off by the option ktls: 'off'"));
    expect(ktlsPolicy('off', unasked).refused?.refused).toMatch(/switched off/);
    vi.stubEnv('KTLS', 'off');
    expect(decide('require', unasked)).toEqual(Array(2).fill('switched off by the environment, KTLS=off'));
    expect(ktlsPolicy('require', unasked).refused?.refused).toMatch(/KTLS=off/);
    expect([unasked.kernelTls, unasked.cipherSupport].map((asked) => vi.mocked(asked).mock.calls.length)).toEqual([
      0, 0,
    ]);
  });

  test('each direction for itself', () => {
    expect(decide({ read: 'off', write: 'auto' }, machine())).toEqual([expect.any(String), undefined]);
    expect(ktlsPolicy({ read: 'off' }, machine()).refused).toBe(undefined);
    expect(ktlsPolicy({ read: 'off', write: 'require' }, machine()).modes).toEqual({ read: 'off', write: 'require' });
  });

  test('a kernel that cannot change keys gets TLS 1.3 only with withoutRekey, TLS 1.2 at once', () => {
    const old = machine({ cipherSupport: () => ({ ...works, rekey: false }) });
    for (const mode of ['auto', 'require'] as const) {
      expect(decide(mode, old)).toEqual(Array(2).fill(expect.stringMatching(/cannot change the keys/)));
      expect(decide(mode, old, 0x0303)).toEqual([undefined, undefined]);
      expect(decide({ read: mode, write: mode, withoutRekey: true }, old)).toEqual([undefined, undefined]);
    }
  });

  test("'auto' avoids a kernel with a known fault, in the direction that has it; 'require' does not", () => {
    const faulty = machine({
      kernelFaults: () => [{ reference: 'CVE-0', direction: 'read', effect: 'something bad' }],
    });
    expect(decide('auto', faulty)).toEqual([expect.stringMatching(/CVE-0: something bad/), undefined]);
    expect(decide('require', faulty)).toEqual([undefined, undefined]);
  });

  test("the kernel's own refusal comes first, in its words", () => {
    const refused = { refused: 'this kernel lacks the cipher (TLS_TX: ENOENT)', code: 'ENOENT' };
    const lacking = machine({ cipherSupport: () => ({ read: refused, write: refused, rekey: false }) });
    expect(decide('auto', lacking)).toEqual([refused.refused, refused.refused]);
    const none = machine({ kernelTls: () => refused });
    expect(ktlsPolicy('auto', none).refused).toBe(refused);
  });

  test.each([
    ['on'],
    [null],
    [1],
    [{ read: 'yes' }],
    [{ withoutRekey: 'yes' }],
    [{ keyUsageLimit: 0 }],
    [{ keyUsageLimit: 1.5 }],
  ])('%j is refused', (option) => {
    expect(() => Reflect.apply(ktlsPolicy, undefined, [option])).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    );
  });
});
