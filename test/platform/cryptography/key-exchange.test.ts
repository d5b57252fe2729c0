import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KeyExchange } from '../../../src/engine/host/key-exchange.ts';
import { addonKeyExchange } from '../../../src/platform/cryptography/key-exchange.ts';
import { NamedGroup } from '../../../src/protocol/named-group.ts';
import { hex } from '../../helpers/hex.ts';

const exchange = addonKeyExchange() as KeyExchange;
const groups = Object.entries(NamedGroup)
  .filter(([, group]) => exchange.groups.includes(group))
  .map(([name, group]) => ({ name, group }));

test('the curves are always there, hybrids where the process has OpenSSL 3.5', () => {
  const names = groups.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['P-256', 'P-384', 'X25519']));
  expect(names.includes('X25519MLKEM768')).toBe(Number.parseFloat(process.versions.openssl) >= 3.5);
});

describe.each(groups)('$name', ({ group }) => {
  test('both sides come to the same secret, each time another', () => {
    const secrets = [0, 1].map(() => {
      const started = exchange.start(group);
      const answer = exchange.respond(group, started?.share ?? new Uint8Array());
      expect(started?.finish(answer?.share ?? new Uint8Array())).toEqual(answer?.secret);
      return Buffer.from(answer?.secret ?? []).toString('hex');
    });
    expect(secrets[0]).not.toBe(secrets[1]);
    expect(secrets[0]?.length).toBeGreaterThanOrEqual(64);
  });

  test('a private key is good for one exchange', () => {
    const started = exchange.start(group);
    const answer = exchange.respond(group, started?.share ?? new Uint8Array());
    started?.finish(answer?.share ?? new Uint8Array());
    expect(() => started?.finish(answer?.share ?? new Uint8Array())).toThrow('gone');
    const other = exchange.start(group);
    other?.dispose();
    expect(() => other?.finish(answer?.share ?? new Uint8Array())).toThrow('gone');
  });

  test('shares of another length are refused', () => {
    const { share = new Uint8Array() } = exchange.start(group) ?? {};
    const answered = exchange.respond(group, share)?.share ?? new Uint8Array();
    for (const wrong of [new Uint8Array(), share.subarray(1), Buffer.concat([share, share.subarray(0, 1)])]) {
      expect(exchange.respond(group, wrong)).toBeUndefined();
    }
    for (const wrong of [new Uint8Array(), answered.subarray(1), Buffer.concat([answered, answered.subarray(0, 1)])]) {
      expect(exchange.start(group)?.finish(wrong)).toBeUndefined();
    }
  });

  test('any share at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1400 }), (bytes) => {
        exchange.start(group)?.finish(bytes);
        exchange.respond(group, bytes);
      }),
      { numRuns: 50 },
    );
  });
});

test('X25519 is what node:crypto has', () => {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const share = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const answer = exchange.respond(NamedGroup.X25519, share);
  const x = Buffer.from(answer?.share ?? []).toString('base64url');
  const peer = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
  expect(Buffer.from(answer?.secret ?? [])).toEqual(diffieHellman({ privateKey, publicKey: peer }));
});

// RFC 7748 §6.1, RFC 8446 §7.4.2: whose secret would be all zeros.
test.each(['00'.repeat(32), `01${'00'.repeat(31)}`])('X25519 refuses the share %s', (share) => {
  expect(exchange.respond(NamedGroup.X25519, hex(share))).toBeUndefined();
  expect(exchange.start(NamedGroup.X25519)?.finish(hex(share))).toBeUndefined();
});

// RFC 8446 §4.2.8.2: uncompressed, and a point of the curve.
test('P-256 refuses points that are compressed, or not on the curve', () => {
  const { share = new Uint8Array() } = exchange.start(NamedGroup['P-256']) ?? {};
  const compressed = Uint8Array.of(2 | ((share[64] ?? 0) & 1), ...share.subarray(1, 33));
  const elsewhere = share.map((byte, index) => (index === 64 ? byte ^ 1 : byte));
  for (const wrong of [compressed, elsewhere, Uint8Array.of(0)]) {
    expect(exchange.respond(NamedGroup['P-256'], wrong)).toBeUndefined();
  }
});

test('other groups are nobody’s', () => {
  expect(exchange.start(0x001e)).toBeUndefined();
  expect(exchange.respond(0x001e, new Uint8Array(56))).toBeUndefined();
});
