import { beforeAll, describe, expect, it } from 'vitest';
import type { EngineContext } from '../../src/engine/openssl/context.ts';
import { engineModule } from '../../src/platform/openssl/engine-host.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { bothVersions, clientContext, EnginePair, everything, nothing, serverContext } from './engine-pair.ts';

const connections = 1000;
const module = engineModule();
let authority: Authority;
let identity: Identity;
let strangers: string;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
  ({ cert: strangers } = await makeAuthority());
});

/** Each makes a pair of engines do something and leaves them to be disposed of. */
interface Life {
  readonly name: string;
  live(contexts: Contexts): EnginePair;
}

/** Made once for all connections, as applications do, and kept from the garbage collector. */
interface Contexts {
  readonly server: EngineContext;
  readonly client: EngineContext;
  readonly stranger: EngineContext;
  readonly incompatible: EngineContext;
}

const finished: Life[] = [
  {
    name: 'handshake, tickets, close_notify both ways',
    live(contexts) {
      const pair = new EnginePair(contexts).handshake();
      pair.take('client', pair.client.close()).pump();
      return pair.take('server', pair.server.close()).pump();
    },
  },
  {
    name: 'data through OpenSSL itself',
    live(contexts) {
      const pair = new EnginePair(contexts, nothing).handshake();
      return pair.take('server', pair.server.write(Buffer.alloc(20_000))).pump();
    },
  },
  {
    name: 'resumption, names, protocols, everything that can be asked',
    live(contexts) {
      const first = new EnginePair(contexts).handshake();
      const pair = new EnginePair(contexts, everything);
      pair.client.setup.setSession(first.find('client', 'session')?.session ?? new Uint8Array());
      first.dispose();
      pair.client.setup.setServerName('localhost');
      for (const side of [pair.client, pair.server]) side.setup.setAlpn(Uint8Array.of(1, 120));
      pair.server.setup.suspendForHello();
      pair.handshake();
      pair.server.setup.setContext(contexts.server, Buffer.from('test'));
      pair.resume('server');
      const { cipher, group, peerChain, alpn } = pair.client.negotiated;
      const { verifiedChain, session } = pair.client.inspection;
      expect([cipher, group, peerChain, verifiedChain, session, alpn]).not.toContain(undefined);
      return pair;
    },
  },
];

const failed: Life[] = [
  {
    name: 'no version in common',
    live: (contexts) => new EnginePair({ ...contexts, client: contexts.incompatible }).handshake(),
  },
  {
    name: 'a server that is not trusted, whose client ends with an alert',
    live: (contexts) => new EnginePair({ ...contexts, client: contexts.stranger }).handshake(),
  },
  {
    name: 'no certificate where one is required',
    live(contexts) {
      const pair = new EnginePair(contexts);
      pair.server.setup.requestCertificate(true);
      return pair.handshake();
    },
  },
  {
    name: 'HTTP to the server',
    live(contexts) {
      const pair = new EnginePair(contexts);
      return pair.take('server', pair.server.ciphertext(Buffer.from('GET / HTTP/1.1\r\n\r\n')));
    },
  },
  {
    name: 'a session that cannot be read',
    live(contexts) {
      const pair = new EnginePair(contexts);
      expect(() => pair.client.setup.setSession(Buffer.alloc(50, 1))).toThrow();
      return pair;
    },
  },
];

const abandoned: Life[] = [0, 1, 2, 3].map((delivered) => ({
  name: `after ${delivered} records`,
  live(contexts) {
    const pair = new EnginePair(contexts);
    return pair.take('server', pair.server.resume()).take('client', pair.client.resume()).pump(delivered);
  },
}));

const lives = [...finished, ...failed, ...abandoned];

describe.each(bothVersions)('$name: nothing is kept in the wasm heap', ({ version }) => {
  it(`of ${connections} connections, both sides of each, finished, failed and abandoned`, { timeout: 120_000 }, () => {
    const contexts: Contexts = {
      server: serverContext(module, identity, version),
      client: clientContext(module, authority.cert, version),
      stranger: clientContext(module, strangers, version),
      incompatible: clientContext(module, authority.cert, version === 0x0303 ? 0x0304 : 0x0303),
    };
    const round = (count: number): void => {
      for (let at = 0; at < count; at++) lives[at % lives.length]?.live(contexts).dispose();
    };
    // What OpenSSL makes once and keeps: algorithms, and the server's cache of sessions.
    round(lives.length * 3);
    const before = held();
    round(connections);
    expect(held()).toEqual(before);
  });
});

describe('one life at a time', () => {
  it.each(lives)('$name', ({ live }) => {
    const contexts: Contexts = {
      server: serverContext(module, identity),
      client: clientContext(module, authority.cert),
      stranger: clientContext(module, strangers),
      incompatible: clientContext(module, authority.cert),
    };
    live(contexts).dispose();
    const before = module.liveAllocations;
    const pair = live(contexts);
    expect(module.liveAllocations).toBeGreaterThan(before);
    pair.dispose();
    expect(module.liveAllocations).toBe(before);
  });
});

/** Behind a short answer, whose memory stays for the next; that of a long one does not. */
function held(): object {
  expect(module.opensslVersion).toMatch(/^\d/);
  return { allocations: module.liveAllocations, heap: module.heap.size };
}
