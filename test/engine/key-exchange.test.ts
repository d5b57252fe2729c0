import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyExchange } from '../../src/engine/host/key-exchange.ts';
import type { EngineModule } from '../../src/engine/openssl/module.ts';
import { addonKeyExchange } from '../../src/platform/cryptography/key-exchange.ts';
import { NamedGroup } from '../../src/protocol/named-group.ts';
import { ProtocolVersion, type ProtocolVersionNumber } from '../../src/protocol/version.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { bothVersions, clientContext, EnginePair, makeModule, serverContext, summary } from './engine-pair.ts';

/** OpenSSL in WebAssembly does it all; the addon does what it can. */
const inside = makeModule();
const outside = makeModule({ keyExchange: addonKeyExchange() });
let authority: Authority;
let identity: Identity;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
});

function pairOf(
  client: EngineModule,
  server: EngineModule,
  groups: string,
  version: ProtocolVersionNumber = ProtocolVersion.tls13,
): EnginePair {
  const contexts = {
    client: clientContext(client, authority.cert, version),
    server: serverContext(server, identity, version),
  };
  for (const context of Object.values(contexts)) context.setGroups(groups);
  return new EnginePair(contexts);
}

const sides = [
  { sides: 'both', client: outside, server: outside },
  { sides: 'the client', client: outside, server: inside },
  { sides: 'the server', client: inside, server: outside },
];

describe.each(sides)('key exchange outside of OpenSSL at $sides', ({ client, server }) => {
  it.each(Object.keys(NamedGroup))('TLS 1.3, %s', (group) => {
    const pair = pairOf(client, server, group).handshake();
    expect(summary(pair.outputs('server'))).toContain('handshakeDone');
    expect(summary(pair.outputs('client'))).toContain('handshakeDone');
    expect(pair.client.negotiated.group).toBe(pair.server.negotiated.group);
    expect(client.exchanges.size + server.exchanges.size).toBe(0);
    pair.dispose();
  });

  it.each(['P-256', 'P-384', 'X25519'])('TLS 1.2, %s', (group) => {
    // The certificate's own curve must be among them, too (RFC 8422 §5.1).
    const pair = pairOf(client, server, `${group}:P-256`, ProtocolVersion.tls12).handshake();
    expect(summary(pair.outputs('client'))).toContain('handshakeDone');
    expect(client.exchanges.size + server.exchanges.size).toBe(0);
    pair.dispose();
  });

  it.each(['P-256', 'P-384', 'X25519'])('the client can tell of the key, %s', (group) => {
    const of = (one: EnginePair) => one.handshake().client.inspection.ephemeralKey;
    expect(of(pairOf(client, server, group))).toEqual(of(pairOf(inside, inside, group)));
  });

  it('a retry with another group', () => {
    const pair = pairOf(client, server, 'P-384:P-256');
    pair.server.setup.context.setGroups('P-256');
    const other = new EnginePair({ client: pair.client.setup.context, server: pair.server.setup.context }).handshake();
    expect(other.client.negotiated.group).toBe('secp256r1');
    expect(summary(other.outputs('client'))).toContain('handshakeDone');
    pair.dispose();
    other.dispose();
    expect(client.exchanges.size + server.exchanges.size).toBe(0);
  });
});

describe('what is left', () => {
  it.each(bothVersions)('of a connection that is abandoned: no private key, $name', ({ version }) => {
    for (let steps = 0; steps < 4; steps++) {
      const pair = pairOf(outside, outside, 'X25519:P-256', version);
      pair.take('server', pair.server.resume());
      pair.take('client', pair.client.resume()).pump(steps);
      pair.dispose();
    }
    expect(outside.exchanges.size).toBe(0);
  });

  it('of a group that was offered and not chosen: no private key', () => {
    // The client of TLS 1.2 and 1.3 sends a share that a server of TLS 1.2 has no use for.
    const client = clientContext(outside, authority.cert);
    const pair = new EnginePair({ client, server: serverContext(inside, identity, ProtocolVersion.tls12) }).handshake();
    expect(summary(pair.outputs('client'))).toContain('handshakeDone');
    pair.dispose();
    expect(outside.exchanges.size).toBe(0);
  });
});

describe('a bad share', () => {
  /** The second side gets a share of zeros, which X25519 must refuse (RFC 8446 §7.4.2). */
  const zeros: KeyExchange = {
    groups: [NamedGroup.X25519],
    start: () => ({ share: new Uint8Array(32), finish: () => new Uint8Array(32).fill(1), dispose() {} }),
    respond: () => ({ share: new Uint8Array(32), secret: new Uint8Array(32).fill(1) }),
  };

  it.each(bothVersions)('of a client is answered with illegal_parameter, $name', ({ version }) => {
    const pair = pairOf(makeModule({ keyExchange: zeros }), outside, 'X25519:P-256', version).handshake();
    expect(summary(pair.outputs('server'))).toContain('alert write 47');
    expect(pair.find('server', 'error')?.entries.map(({ reason }) => reason)).toContain('bad key share');
  });

  it.each(bothVersions)('of a server is answered with illegal_parameter, $name', ({ version }) => {
    const pair = pairOf(outside, makeModule({ keyExchange: zeros }), 'X25519:P-256', version).handshake();
    expect(summary(pair.outputs('client'))).toContain('alert write 47');
    expect(pair.find('client', 'error')?.entries.map(({ reason }) => reason)).toContain('bad key share');
    pair.dispose();
    expect(outside.exchanges.size).toBe(0);
  });

  it('an exchange that throws or refuses ends the handshake, and nothing else', () => {
    const fails = [
      { ...zeros, start: () => undefined },
      { ...zeros, start: () => expect.unreachable() },
    ];
    for (const keyExchange of fails) {
      const pair = pairOf(makeModule({ keyExchange }), outside, 'X25519').handshake();
      expect(summary(pair.outputs('client'))).toContain('error');
      pair.dispose();
    }
  });
});

it('private keys that live for a connection are not in the wasm heap, secrets not after the handshake', () => {
  const secrets: Buffer[] = [];
  const remembering: KeyExchange = {
    groups: [NamedGroup.X25519],
    start() {
      const { share, finish } = newKey();
      return { share, finish, dispose() {} };
    },
    respond(_, peerShare) {
      const { share, finish } = newKey();
      return { share, secret: finish(peerShare) };
    },
  };
  function newKey() {
    const { privateKey } = generateKeyPairSync('x25519');
    const { x = '', d = '' } = privateKey.export({ format: 'jwk' });
    secrets.push(Buffer.from(d, 'base64url'));
    const finish = (peer: Uint8Array) => {
      const jwk = { kty: 'OKP', crv: 'X25519', x: Buffer.from(peer).toString('base64url') };
      const secret = diffieHellman({ privateKey, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) });
      secrets.push(Buffer.from(secret));
      return secret;
    };
    return { share: Buffer.from(x, 'base64url'), finish };
  }
  const one = makeModule({ keyExchange: remembering });
  const pair = pairOf(one, one, 'X25519').handshake();
  expect(summary(pair.outputs('client'))).toContain('handshakeDone');
  const heap = Buffer.from(one.exports.memory.buffer);
  expect(secrets).toHaveLength(4);
  expect(secrets.filter((secret) => heap.includes(secret))).toEqual([]);
  pair.dispose();
});
