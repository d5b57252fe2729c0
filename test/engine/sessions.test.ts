import { beforeAll, describe, expect, it } from 'vitest';
import type { EngineContext } from '../../src/engine/openssl/context.ts';
import { engineModule } from '../../src/platform/openssl/engine-host.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { bothVersions, clientContext, EnginePair, serverContext, summary } from './engine-pair.ts';

const module = engineModule();
let authority: Authority;
let identity: Identity;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
});

describe.each(bothVersions)('$name sessions', ({ version }) => {
  function connect(server: EngineContext, session?: Uint8Array): EnginePair {
    const pair = new EnginePair({ client: clientContext(module, authority.cert, version), server });
    if (session) pair.client.setup.setSession(session);
    return pair.handshake();
  }

  it('are resumed at the server that gave them, with fewer records and the same certificate', () => {
    const server = serverContext(module, identity, version);
    const first = connect(server);
    expect(first.client.negotiated.sessionReused).toBe(false);
    const second = connect(server, first.find('client', 'session')?.session);
    expect(second.client.negotiated.sessionReused).toBe(true);
    expect(second.server.negotiated.sessionReused).toBe(true);
    expect(second.client.negotiated.peerChain[0]).toEqual(first.client.negotiated.peerChain[0]);
    expect(ciphertextLength(second, 'server')).toBeLessThan(ciphertextLength(first, 'server'));
  });

  it('have ids of 32 bytes, each its own', () => {
    const server = serverContext(module, identity, version);
    const ids = [connect(server), connect(server)].map(
      (pair) => pair.find('client', 'session')?.id ?? new Uint8Array(),
    );
    expect(ids.map(({ length }) => length)).toEqual([32, 32]);
    expect(ids[0]).not.toEqual(ids[1]);
  });

  it('of another server lead to a full handshake', () => {
    const session = connect(serverContext(module, identity, version)).find('client', 'session')?.session;
    const pair = connect(serverContext(module, identity, version), session);
    expect(pair.client.negotiated.sessionReused).toBe(false);
    expect(pair.find('client', 'handshakeDone')).toBeDefined();
  });

  it('that cannot be read are refused', () => {
    const pair = new EnginePair({ client: clientContext(module), server: serverContext(module, identity) });
    expect(() => pair.client.setup.setSession(Buffer.from('no session'))).toThrow(/asn1/);
  });

  it('can be told as they are now', () => {
    const pair = connect(serverContext(module, identity, version));
    expect(pair.client.inspection.session?.length).toBeGreaterThan(100);
  });
});

it('TLS 1.3 servers send two tickets, each a session; TLS 1.2 servers one inside the handshake', () => {
  for (const { version } of bothVersions) {
    const contexts = {
      client: clientContext(module, authority.cert, version),
      server: serverContext(module, identity),
    };
    const outputs = summary(new EnginePair(contexts).handshake().outputs('client'));
    expect(outputs.filter((kind) => kind === 'session')).toHaveLength(version === 0x0304 ? 2 : 1);
    expect(outputs.lastIndexOf('session') > outputs.indexOf('handshakeDone')).toBe(version === 0x0304);
  }
});

function ciphertextLength(pair: EnginePair, side: 'client' | 'server'): number {
  return pair.outputs(side).reduce((sum, output) => sum + (output.kind === 'ciphertext' ? output.bytes.length : 0), 0);
}

describe('a client’s name', () => {
  const names = ['one.example', 'two.example'];

  /** Whether the server’s part of TLS 1.2’s handshake acknowledges it (RFC 6066 §3). */
  function acknowledged(pair: EnginePair): boolean {
    const hello = pair.outputs('client').flatMap((output) => (output.kind === 'trace' ? [output.text] : []));
    return hello.some((text) => text.includes('ServerHello') && text.includes('server_name(0)'));
  }

  it('is acknowledged where a context was chosen for it, and not on resumption', () => {
    const server = serverContext(module, identity, 0x0303);
    const seen = [true, false].map((chooses) => {
      let session: Uint8Array | undefined;
      return [0, 1].map(() => {
        const pair = new EnginePair({ client: clientContext(module, authority.cert, 0x0303), server });
        pair.client.setup.trace();
        pair.client.setup.setServerName('one.example');
        if (session) pair.client.setup.setSession(session);
        pair.server.setup.suspendForHello();
        pair.handshake();
        if (chooses) pair.server.setup.setContext(serverContext(module, identity, 0x0303), Buffer.from('test'));
        pair.resume('server');
        session ??= pair.find('client', 'session')?.session;
        return [acknowledged(pair), pair.server.negotiated.sessionReused, pair.server.serverName];
      });
    });
    expect(seen).toEqual([
      [
        [true, false, 'one.example'],
        [false, true, 'one.example'],
      ],
      [
        [false, false, 'one.example'],
        [false, true, 'one.example'],
      ],
    ]);
  });

  it('cannot be another in the hello that HelloRetryRequest asks for (RFC 8446 §4.1.2)', () => {
    const client = clientContext(module, authority.cert, 0x0304);
    client.setGroups('X25519:P-256');
    const server = serverContext(module, identity, 0x0304);
    server.setGroups('P-256');
    const ends = [names[0], names[1]].map((second) => {
      const pair = new EnginePair({ client, server });
      pair.client.setup.setServerName('one.example');
      pair.server.setup.suspendForHello();
      pair.handshake();
      pair.client.setup.setServerName(second ?? '');
      pair.resume('server');
      return summary(pair.outputs('server')).filter((kind) => /alert|Done|question/.test(kind));
    });
    expect(ends).toEqual([
      ['question', 'handshakeDone'],
      ['question', 'alert write 47'],
    ]);
  });

  it('is told as it was asked for, or not at all, where it cannot be read', () => {
    const pair = new EnginePair({ client: clientContext(module), server: serverContext(module, identity) });
    pair.server.setup.suspendForHello();
    pair.client.setup.setServerName('one.example');
    const [hello] = pair.client.resume();
    const bytes = hello?.kind === 'ciphertext' ? Buffer.from(hello.bytes) : Buffer.alloc(0);
    // A zero byte in the name (RFC 6066 §3).
    bytes[bytes.indexOf('one.example') + 3] = 0;
    pair.take('server', pair.server.resume()).take('server', pair.server.ciphertext(bytes));
    expect(summary(pair.outputs('server'))).toEqual(['ciphertext', 'alert write 112', 'error']);
    expect(pair.find('server', 'error')?.entries[0]?.reason).toBe('bad extension');
  });
});
