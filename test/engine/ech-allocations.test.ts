import { expect, it } from 'vitest';
import { selfSigned } from '../../src/cli/self-signed.ts';
import type { Output } from '../../src/connection/handshake.ts';
import { type Ech, EchKeys, generateEchKey } from '../../src/context/ech.ts';
import { ContextHandshake } from '../../src/context/handshake.ts';
import { createSecureContext } from '../../src/context/secure-context.ts';
import { engineModule } from '../../src/platform/openssl/engine-host.ts';

const identity = selfSigned(['secret.example', 'outer.example']);
const server = createSecureContext({ ...identity, ecdhCurve: 'P-256' });
const client = createSecureContext({ ca: identity.cert, ecdhCurve: 'X25519:P-256' });
const [key, other] = [generateEchKey({ publicName: 'outer.example' }), generateEchKey({ publicName: 'outer.example' })];

function open(isServer: boolean, ech: Ech | undefined): ContextHandshake {
  return new ContextHandshake(isServer ? server : client, {
    ...{ isServer, certificate: 'ignored', handsOutKeys: false, ech },
    ...(!isServer && { serverName: 'secret.example' }),
  });
}

function recordsOf(outputs: readonly Output[]): Uint8Array {
  return Buffer.concat(outputs.flatMap((output) => (output.kind === 'ciphertext' ? [output.bytes] : [])));
}

/** A handshake with a HelloRetryRequest. What became of the client's hello. */
function handshake(keys: EchKeys | undefined): string | undefined {
  const serving = open(true, keys && { keys });
  const asking = open(false, { configs: key.configs, outerServerName: undefined, outerAlpn: undefined });
  serving.port.resume();
  for (let sent = recordsOf(asking.port.resume()); sent.length > 0; )
    sent = recordsOf(asking.port.ciphertext(recordsOf(serving.port.ciphertext(sent))));
  const { ech } = asking.port.inspection;
  for (const { port } of [serving, asking]) port.dispose();
  return ech?.status;
}

it.each([
  ['accepted', 'rejected', new EchKeys(other.pem)],
  ['accepted', 'rejected', undefined],
  ['rejected', 'accepted', new EchKeys(key.pem)],
] as const)('a hello after a HelloRetryRequest that is not %s but %s leaves no memory behind', (_, status, keys) => {
  const module = engineModule('ech');
  expect([handshake(keys), handshake(keys)]).toEqual([status, status]);
  const before = module.liveAllocations;
  for (let i = 0; i < 10; i++) handshake(keys);
  expect(module.liveAllocations).toBe(before);
});
