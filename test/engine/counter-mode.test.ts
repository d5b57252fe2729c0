import { beforeAll, describe, expect, it } from 'vitest';
import type { CounterMode } from '../../src/engine/host/counter-mode.ts';
import type { EngineModule } from '../../src/engine/openssl/module.ts';
import { nodeCounterMode } from '../../src/platform/cryptography/counter-mode.ts';
import { ProtocolVersion } from '../../src/protocol/version.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import {
  bothVersions,
  clientContext,
  EnginePair,
  everything,
  makeModule,
  nothing,
  serverContext,
  summary,
} from './engine-pair.ts';

/** Counts what it was asked for. */
class Counted implements CounterMode {
  readonly leastBlocks: number;
  readonly lengths: number[] = [];

  constructor(leastBlocks: number) {
    this.leastBlocks = leastBlocks;
  }

  readonly apply: CounterMode['apply'] = (memory, key, keyLength, counter, from, to, length) => {
    this.lengths.push(length);
    return nodeCounterMode.apply(memory, key, keyLength, counter, from, to, length);
  };
}

/** OpenSSL in WebAssembly does it all. */
const inside = makeModule();
let authority: Authority;
let identity: Identity;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
});

interface Sides {
  readonly client: EngineModule;
  readonly server: EngineModule;
}

function pairOf({ client, server }: Sides, suite?: string, version = 0x0304 as 0x0303 | 0x0304, offload = everything) {
  const contexts = {
    client: clientContext(client, authority.cert, version),
    server: serverContext(server, identity, version),
  };
  if (suite && version === ProtocolVersion.tls13) contexts.client.setCipherSuites(suite);
  else if (suite) contexts.client.setCipherList(suite);
  return new EnginePair(contexts, offload);
}

describe('counter mode outside of OpenSSL', () => {
  it.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'])('at either side, %s', (suite) => {
    for (const which of ['client', 'server'] as const) {
      const counted = new Counted(1);
      const pair = pairOf(
        { client: inside, server: inside, [which]: makeModule({ counterMode: counted }) },
        suite,
      ).handshake();
      expect(summary(pair.outputs('client'))).toContain('handshakeDone');
      expect(summary(pair.outputs('server'))).toContain('handshakeDone');
      // The certificate alone is longer.
      expect(counted.lengths.reduce((sum, length) => sum + length)).toBeGreaterThan(512);
      pair.dispose();
    }
  });

  it('is not asked for what is quicker done', () => {
    const counted = new Counted(5);
    pairOf({ client: inside, server: makeModule({ counterMode: counted }) })
      .handshake()
      .dispose();
    expect(counted.lengths.length).toBeGreaterThan(0);
    expect(Math.min(...counted.lengths)).toBeGreaterThanOrEqual(5 * 16);
  });

  it.each(bothVersions)('for records that OpenSSL itself protects, of any length, $name', ({ version }) => {
    const suite = version === ProtocolVersion.tls13 ? 'TLS_AES_256_GCM_SHA384' : 'ECDHE-ECDSA-AES256-GCM-SHA384';
    const counted = new Counted(1);
    const pair = pairOf(
      { client: makeModule({ counterMode: counted }), server: inside },
      suite,
      version,
      nothing,
    ).handshake();
    for (const length of [1, 15, 16, 17, 3071, 3072, 3073, 16384]) {
      const data = Uint8Array.from({ length }, (_, i) => i * 7);
      for (const [from, to] of [['client', 'server'] as const, ['server', 'client'] as const]) {
        const before = pair.outputs(to).length;
        pair.take(from, pair[from].write(data)).pump();
        const got = pair.outputs(to).slice(before);
        expect(got.flatMap((output) => (output.kind === 'applicationData' ? [...output.bytes] : []))).toEqual([
          ...data,
        ]);
      }
    }
    expect(counted.lengths.reduce((sum, length) => sum + length)).toBeGreaterThan(50_000);
    pair.dispose();
  });

  it('that cannot be had ends the engine, and nothing leaves', () => {
    const fails: CounterMode['apply'][] = [() => false, () => expect.unreachable('told to OpenSSL as a failure')];
    for (const apply of fails) {
      const pair = pairOf({ client: inside, server: makeModule({ counterMode: { leastBlocks: 1, apply } }) });
      pair.take('server', pair.server.resume());
      pair.take('client', pair.client.resume()).pump();
      expect(summary(pair.outputs('server'))).toEqual(['error']);
      expect(pair.server.module.lost?.cause).toBeInstanceOf(WebAssembly.RuntimeError);
    }
  });
});
