import { describe, expect, test, vi } from 'vitest';
import type { TrafficKeys } from '../../src/record/traffic-keys.ts';
import { type KtlsOption, ktlsPolicy, type Machine } from '../../src/socket/ktls-policy.ts';

const works = { read: undefined, write: undefined, rekey: true };
const machine = (parts: Partial<Machine> = {}): Machine => ({
  environment: undefined,
  kernelTls: () => ({}),
  cipherSupport: () => works,
  kernelFaults: () => [],
  ...parts,
});
const keys = (version: 0x0303 | 0x0304, aead: TrafficKeys['aead'] = 'aes-128-gcm'): TrafficKeys => ({
  version,
  aead,
  key: new Uint8Array(16),
  iv: new Uint8Array(12),
  sequenceNumber: 0n,
});
const much = 64 * 1024;
/** Once files have been sent that are worth the kernel. */
const decide = (option: KtlsOption | undefined, on: Machine, version: 0x0303 | 0x0304 = 0x0304) => {
  const { kernel } = ktlsPolicy(option, on);
  return [kernel.refuses('read', keys(version), much)?.refused, kernel.refuses('write', keys(version), much)?.refused];
};
const readsStay = expect.stringMatching(/^receiving .* no less work .* 'prefer' overrides$/);

describe('the option ktls', () => {
  test("is 'auto' by default: the kernel gets writes, and only once there are files worth it", () => {
    for (const option of [undefined, 'auto', {}, { write: 'auto' }] as const) {
      expect(decide(option, machine())).toEqual([readsStay, undefined]);
      expect(decide(option, machine(), 0x0303)).toEqual([readsStay, undefined]);
      const { kernel } = ktlsPolicy(option, machine());
      for (const fileBytes of [0, much - 1]) {
        expect(kernel.refuses('write', keys(0x0304), fileBytes)).toEqual({
          refused: expect.stringMatching(/saves work with files only, from 64 KiB on.* 'prefer' overrides$/),
          untilFiles: true,
        });
      }
      expect(kernel.mayRead).toBe(false);
    }
  });

  test("'auto' leaves ChaCha20-Poly1305 to user space for good", () => {
    const { kernel } = ktlsPolicy('auto', machine());
    for (const fileBytes of [0, much]) {
      const refusal = kernel.refuses('write', keys(0x0304, 'chacha20-poly1305'), fileBytes);
      expect(refusal).toEqual({ refused: expect.stringMatching(/ChaCha20-Poly1305 .* no less work/) });
    }
  });

  test('the kernel is tried out before there are connections, where they are given to it from their beginning', () => {
    const tried = (option: KtlsOption | undefined, parts: Partial<Machine> = {}): number => {
      const asked = machine({ cipherSupport: vi.fn(() => works), ...parts });
      ktlsPolicy(option, asked).prepare();
      return vi.mocked(asked.cipherSupport).mock.calls.length;
    };
    expect((['prefer', 'require', { write: 'prefer' }] as const).map((option) => tried(option))).toEqual([6, 6, 6]);
    expect((['auto', 'off', undefined] as const).map((option) => tried(option))).toEqual([0, 0, 0]);
    expect(tried('prefer', { kernelTls: () => ({ refused: 'there is none' }) })).toBe(0);
    expect(tried('prefer', { environment: 'off' })).toBe(0);
  });

  test("'auto' tries the kernel out for nothing that it does not get", () => {
    const unasked = machine({ cipherSupport: vi.fn() });
    const { kernel } = ktlsPolicy('auto', unasked);
    kernel.refuses('read', keys(0x0304), much);
    kernel.refuses('write', keys(0x0304), 0);
    kernel.refuses('write', keys(0x0304, 'chacha20-poly1305'), much);
    expect(unasked.cipherSupport).not.toHaveBeenCalled();
  });

  test("'prefer': both directions at once where the kernel can do all, whatever they carry", () => {
    const { kernel } = ktlsPolicy('prefer', machine());
    for (const aead of ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'] as const) {
      expect(kernel.refuses('read', keys(0x0304, aead), 0)).toBe(undefined);
      expect(kernel.refuses('write', keys(0x0304, aead), 0)).toBe(undefined);
    }
    expect(kernel.mayRead).toBe(true);
  });

  test("KTLS=prefer makes 'prefer' of every 'auto', and of nothing else", () => {
    const modes = (option: KtlsOption | undefined) => ktlsPolicy(option, machine({ environment: 'prefer' })).modes;
    expect(modes(undefined)).toEqual({ read: 'prefer', write: 'prefer' });
    expect(modes('auto')).toEqual({ read: 'prefer', write: 'prefer' });
    expect(modes({ write: 'auto' })).toEqual({ read: 'prefer', write: 'prefer' });
    expect(modes({ read: 'off', write: 'require' })).toEqual({ read: 'off', write: 'require' });
    expect(modes('off')).toEqual({ read: 'off', write: 'off' });
  });

  test('a member that there is not, and one with a wrong value, are named', () => {
    const refuse = (option: object): unknown => {
      try {
        return Reflect.apply(ktlsPolicy, undefined, [option, machine()]);
      } catch (error) {
        return error;
      }
    };
    const told = (text: string) =>
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE', message: expect.stringContaining(text) });
    expect(refuse({ writ: 'prefer' })).toEqual(told("'writ' is no member of it"));
    expect(refuse({ keyUsageLimit: -1 })).toEqual(
      told("'keyUsageLimit' must be a whole number from 1 on. Received -1"),
    );
    expect(refuse({ withoutRekey: 1 })).toEqual(told("'withoutRekey' must be true or false"));
  });

  test('reads are left for the kernel only where it may have them', () => {
    const mayRead = (option: KtlsOption, on = machine()) => ktlsPolicy(option, on).kernel.mayRead;
    expect([mayRead('require'), mayRead('off'), mayRead({ read: 'off', write: 'prefer' })]).toEqual([
      true,
      false,
      false,
    ]);
    const off = machine({ environment: 'off' });
    expect([mayRead('require', off), mayRead('prefer', off)]).toEqual([false, false]);
  });

  test("'off' and KTLS=off keep the kernel out, and ask it nothing", () => {
    const unasked = machine({ kernelTls: vi.fn(), cipherSupport: vi.fn() });
    expect(decide('off', unasked)).toEqual(Array(2).fill("switched off by the option ktls: 'off'"));
    expect(ktlsPolicy('off', unasked).refused?.refused).toMatch(/switched off/);
    const off: Machine = { ...unasked, environment: 'off' };
    for (const option of ['require', 'auto', 'prefer'] as const) {
      expect(decide(option, off)).toEqual(Array(2).fill('switched off by the environment, KTLS=off'));
      expect(ktlsPolicy(option, off).refused?.refused).toMatch(/KTLS=off/);
    }
    expect(ktlsPolicy('require', off).modes).toEqual({ read: 'require', write: 'require' });
    expect([unasked.kernelTls, unasked.cipherSupport].map((asked) => vi.mocked(asked).mock.calls.length)).toEqual([
      0, 0,
    ]);
  });

  test('each direction for itself', () => {
    expect(decide({ read: 'off', write: 'prefer' }, machine())).toEqual([expect.any(String), undefined]);
    expect(decide({ read: 'prefer', write: 'off' }, machine())).toEqual([undefined, expect.any(String)]);
    expect(ktlsPolicy({ read: 'off' }, machine()).refused).toBe(undefined);
    expect(ktlsPolicy({ read: 'off', write: 'require' }, machine()).modes).toEqual({ read: 'off', write: 'require' });
  });

  test('a kernel that cannot change keys gets TLS 1.3 only with withoutRekey, TLS 1.2 at once', () => {
    const old = machine({ cipherSupport: () => ({ ...works, rekey: false }) });
    expect(decide('auto', old)).toEqual([readsStay, expect.stringMatching(/cannot change the keys/)]);
    for (const mode of ['prefer', 'require'] as const) {
      expect(decide(mode, old)).toEqual(Array(2).fill(expect.stringMatching(/cannot change the keys/)));
      expect(decide(mode, old, 0x0303)).toEqual([undefined, undefined]);
      expect(decide({ read: mode, write: mode, withoutRekey: true }, old)).toEqual([undefined, undefined]);
    }
  });

  test("a known fault of the kernel keeps the direction that has it from 'auto' and 'prefer', not from 'require'", () => {
    const faulty = machine({
      kernelFaults: () => [{ reference: 'CVE-0', direction: 'read', effect: 'something bad' }],
    });
    expect(decide('prefer', faulty)).toEqual([expect.stringMatching(/CVE-0: something bad/), undefined]);
    expect(decide('require', faulty)).toEqual([undefined, undefined]);
    const worse = machine({
      kernelFaults: () => [{ reference: 'CVE-1', direction: 'write', effect: 'something worse' }],
    });
    expect(decide('auto', worse)).toEqual([readsStay, expect.stringMatching(/CVE-1: something worse/)]);
    expect(decide('prefer', worse)).toEqual([undefined, expect.stringMatching(/CVE-1: something worse/)]);
  });

  test("the kernel's own refusal comes first, in its words", () => {
    const refused = { refused: 'this kernel lacks the cipher (TLS_TX: ENOENT)', code: 'ENOENT' };
    const lacking = machine({ cipherSupport: () => ({ read: refused, write: refused, rekey: false }) });
    expect(decide('prefer', lacking)).toEqual([refused.refused, refused.refused]);
    expect(decide('auto', lacking)).toEqual([readsStay, refused.refused]);
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
