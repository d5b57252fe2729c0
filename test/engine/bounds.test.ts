import { createPublicKey, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Output } from '../../src/connection/handshake.ts';
import { EngineContext } from '../../src/engine/openssl/context.ts';
import { Engine } from '../../src/engine/openssl/engine.ts';
import { failureError } from '../../src/failure.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { longNamed } from '../helpers/long-names.ts';
import { clientContext, EnginePair, everything, makeModule, serverContext, summary } from './engine-pair.ts';

let authority: Authority;
let identity: Identity;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
});

function codeOf(outputs: readonly Output[]): unknown {
  const error = outputs.find((output) => output.kind === 'error');
  const failure = error && failureError({ by: 'openssl', entries: error.entries, alert: undefined });
  return failure && 'code' in failure ? failure.code : undefined;
}

/** A server's engine that has been sent all but the end of the longest hello that OpenSSL reads, and what it said to that. */
function halfHello(context: EngineContext): { engine: Engine; outputs: Output[] } {
  const engine = new Engine(context, { isServer: true, offload: everything });
  const hello = Buffer.alloc(131_072);
  hello.set([1, 1, 255, 255]);
  const outputs: Output[] = [];
  for (let at = 0; at < hello.length; at += 16_384) {
    const record = Buffer.concat([Uint8Array.of(22, 3, 1, 0x3f, 0xff), hello.subarray(at, at + 16_383)]);
    outputs.push(...engine.ciphertext(record));
    if (outputs.length > 0) break;
  }
  return { engine, outputs };
}

const mebibyte = 2 ** 20;
/** id-ecPublicKey (RFC 5480 §2.1.1), the type of a certificate's key. */
const ecPublicKey = Buffer.from('06072a8648ce3d0201', 'hex');

describe('what handshakes may take of the heap', () => {
  it('one: a server’s certificate that takes more ends its connection, with an alert, and no other', async () => {
    const module = makeModule();
    const client = clientContext(module, authority.cert);
    const other = new EnginePair({ client, server: serverContext(module, identity) });
    const endless = serverContext(makeModule(), await longNamed(1, 12_000, false));
    const pair = new EnginePair({ client, server: endless });
    const before = module.heap.size;
    pair.handshake();
    expect(codeOf(pair.outputs('client'))).toBe('ERR_KTLS_HANDSHAKE_MEMORY');
    expect(summary(pair.outputs('client'))).toContain('alert write 80');
    expect(module.heap.size - before).toBeLessThan(4 * mebibyte);
    other.handshake();
    expect(other.find('client', 'handshakeDone')).toBeDefined();
  });

  it('all: beyond half of what there is, those that want much get no more, and others go on', {
    timeout: 60_000,
  }, () => {
    const module = makeModule();
    const context = serverContext(module, identity);
    const held: Engine[] = [];
    let refused: Output[] = [];
    for (let i = 0; i < 1500 && refused.length === 0; i++) {
      const { engine, outputs } = halfHello(context);
      held.push(engine);
      refused = outputs;
    }
    expect(codeOf(refused)).toBe('ERR_KTLS_HANDSHAKE_MEMORY');
    expect(module.heap.size).toBeLessThan(200 * mebibyte);
    const pair = new EnginePair({ client: clientContext(makeModule(), authority.cert), server: context }).handshake();
    expect(pair.find('client', 'handshakeDone')).toBeDefined();
    pair.dispose();
    for (const engine of held) engine.dispose();
    // What was made once and is kept by all is nobody's.
    expect(module.exports.ktls_unfinished_bytes()).toBeLessThan(mebibyte);
    expect(halfHello(context).outputs).toEqual([]);
  });

  it('certificates whose keys are of types that nobody knows leave nothing behind', () => {
    const module = makeModule();
    const { raw } = new X509Certificate(identity.cert);
    const oid = raw.indexOf(ecPublicKey);
    expect(oid).toBeGreaterThan(0);
    const parse = (number: number): void => {
      const der = Buffer.from(raw);
      der[oid + ecPublicKey.length - 1] = 2 + number;
      const pem = Buffer.from(`-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`);
      const store = module.exports.ktls_store_new();
      using bytes = module.heap.copyIn(pem);
      expect(module.exports.ktls_store_add(store, bytes.address, bytes.length)).toBe(1);
      module.exports.ktls_store_free(store);
    };
    // The last ones are kept, whatever they are: then each takes the place of another.
    for (let number = 0; number < 40; number++) parse(number);
    const before = module.liveAllocations;
    for (let number = 40; number < 120; number++) parse(number);
    expect(module.liveAllocations - before).toBeLessThan(10);
  });

  it('a finished connection is not charged for what others do', () => {
    const module = makeModule();
    const contexts = { client: clientContext(module, authority.cert), server: serverContext(module, identity) };
    new EnginePair(contexts).handshake().dispose();
    const before = module.exports.ktls_unfinished_bytes();
    const pairs = Array.from({ length: 50 }, () => new EnginePair(contexts).handshake());
    expect(module.exports.ktls_unfinished_bytes()).toBe(before);
    for (const pair of pairs) pair.dispose();
  });
});

describe('an instance that fails', () => {
  it('is the end of its engines, which say so, and of nothing else', async () => {
    const module = makeModule();
    const contexts = { client: clientContext(module, authority.cert), server: serverContext(module, identity) };
    const [busy, idle] = [new EnginePair(contexts, { read: [], write: [] }).handshake(), new EnginePair(contexts)];
    const told: string[] = [];
    idle.client.onLost = (error) => told.push(error.message);
    // An address outside of the memory: WebAssembly traps.
    expect(() => module.exports.ktls_engine_receive(nowhere(module.heap.size), 1)).toThrow(/has failed/);
    expect(module.lost).toBeDefined();
    expect(told).toEqual([]);
    await Promise.resolve();
    expect(told).toHaveLength(1);
    for (const put of [
      busy.client.write(Buffer.from('x')),
      busy.client.ciphertext(Buffer.alloc(10)),
      busy.client.plaintext(22, Buffer.alloc(4)),
      busy.server.close(),
      busy.server.updateKeys(false),
      idle.client.resume(),
    ]) {
      expect(codeOf(put)).toBe('ERR_KTLS_UNAVAILABLE');
    }
    // Above all, nothing may say that a peer was verified.
    expect(() => busy.client.negotiated.verifyResult).toThrow(/has failed/);
    expect(() => busy.client.negotiated.peerChain).toThrow(/has failed/);
    expect(() => new EnginePair(contexts)).toThrow(/has failed/);
    busy.dispose();
    idle.dispose();
  });
});

function nowhere(size: number): Parameters<ReturnType<typeof makeModule>['exports']['ktls_engine_receive']>[0] {
  return Object(size).valueOf();
}

it('an answer that is too long for OpenSSL is wiped', () => {
  const module = makeModule();
  const server = new EngineContext(module, { min: 0x0304, max: 0x0304 });
  server.useCertificate(Buffer.from(identity.cert));
  const answer = new Uint8Array(4096).fill(1);
  const publicKey = createPublicKey(identity.key).export({ type: 'spki', format: 'der' });
  server.useKey(publicKey, { sign: () => answer, decryptPremaster: () => undefined });
  const pair = new EnginePair({ client: clientContext(module, authority.cert), server }).handshake();
  expect(pair.failed('server')).toBe(true);
  expect(answer.every((byte) => byte === 0)).toBe(true);
});
