import { beforeAll, describe, expect, it } from 'vitest';
import type { Output } from '../../src/connection/handshake.ts';
import { OpenSSLError } from '../../src/engine/openssl/openssl-error.ts';
import { engineModule } from '../../src/platform/openssl/engine-host.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { bothVersions, clientContext, EnginePair, everything, nothing, serverContext, summary } from './engine-pair.ts';

const module = engineModule();
let authority: Authority;
let identity: Identity;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
});

function pair(version: (typeof bothVersions)[number]['version'], offload = everything): EnginePair {
  const client = clientContext(module, authority.cert, version);
  return new EnginePair({ client, server: serverContext(module, identity, version) }, offload);
}

describe('the order of outputs', () => {
  it('TLS 1.2: each side gives its write keys behind ChangeCipherSpec, then Finished as a plaintext record', () => {
    const { log, client } = pair(0x0303).handshake();
    const of = (side: string): string[] =>
      summary(log.filter((entry) => entry.side === side).map(({ output }) => output));
    expect(of('client')).toEqual([
      ...['ciphertext', 'ciphertext', 'installKeys write', 'record 22'],
      ...['installKeys read', 'session', 'handshakeDone'],
    ]);
    expect(of('server')).toEqual([
      ...['ciphertext', 'installKeys read', 'ciphertext', 'installKeys write', 'record 22', 'handshakeDone'],
    ]);
    expect(client.version).toBe(0x0303);
  });

  it('TLS 1.3: a server gives write keys behind its Finished, a client read keys before its own; tickets are records', () => {
    const { log, client } = pair(0x0304).handshake();
    const of = (side: string): string[] =>
      summary(log.filter((entry) => entry.side === side).map(({ output }) => output));
    expect(of('client')).toEqual([
      ...['ciphertext', 'installKeys read', 'ciphertext', 'installKeys write', 'handshakeDone', 'session', 'session'],
    ]);
    expect(of('server')).toEqual([
      ...['ciphertext', 'installKeys write', 'installKeys read', 'record 22', 'record 22', 'handshakeDone'],
    ]);
    expect(client.version).toBe(0x0304);
  });
});

describe.each(bothVersions)('$name', ({ version }) => {
  it('hands out keys that are the same at both ends of a direction', () => {
    const tested = pair(version).handshake();
    const keys = (side: 'client' | 'server', wanted: 'read' | 'write'): object | undefined => {
      const installs = tested.outputs(side).filter((output) => output.kind === 'installKeys');
      const decoded = installs.find(({ direction }) => direction === wanted)?.keys;
      // What follows the salt is the sender's own choice in TLS 1.2, and sent with each record (RFC 5288 §3).
      return decoded && { ...decoded, iv: decoded.iv.slice(0, version === 0x0303 ? 4 : 12) };
    };
    expect(keys('client', 'write')).toMatchObject({ version });
    expect(keys('client', 'write')).toEqual(keys('server', 'read'));
    expect(keys('server', 'write')).toEqual(keys('client', 'read'));
    expect(keys('server', 'write')).not.toEqual(keys('client', 'write'));
  });

  it.each([
    ['AES-128-GCM', 51, 'ECDHE-ECDSA-AES128-GCM-SHA256', 'TLS_AES_128_GCM_SHA256'],
    ['AES-256-GCM', 52, 'ECDHE-ECDSA-AES256-GCM-SHA384', 'TLS_AES_256_GCM_SHA384'],
    ['CHACHA20-POLY1305', 54, 'ECDHE-ECDSA-CHACHA20-POLY1305', 'TLS_CHACHA20_POLY1305_SHA256'],
  ])('hands out %s only where its cipher type is in the mask', (_, type, list, suite) => {
    const others = [51, 52, 54].filter((other) => other !== type);
    for (const { offload, expected } of [
      { offload: { read: [type], write: [type] }, expected: ['read', 'write'] },
      { offload: { read: [type], write: others }, expected: ['read'] },
      { offload: { read: others, write: [type] }, expected: ['write'] },
      { offload: { read: others, write: others }, expected: [] },
    ]) {
      const client = clientContext(module, authority.cert, version);
      client.setCipherList(list);
      client.setCipherSuites(suite);
      const tested = new EnginePair({ client, server: serverContext(module, identity, version) }, offload).handshake();
      const directions = tested.outputs('client').filter((output) => output.kind === 'installKeys');
      expect(directions.map(({ direction }) => direction).sort()).toEqual(expected);
      expect(tested.find('client', 'handshakeDone')).toBeDefined();
      expect(tested.client.negotiated.cipher?.name).toBe(version === 0x0303 ? list : suite);
    }
  });

  it('carries application data itself where no keys were handed out, in records of at most 16384 bytes', () => {
    const tested = pair(version, nothing).handshake();
    const data = Buffer.alloc(100_000, 'data of many records');
    tested.take('client', tested.client.write(data)).pump();
    const received = tested.outputs('server').filter((output) => output.kind === 'applicationData');
    expect(Buffer.concat(received.map(({ bytes }) => bytes))).toEqual(data);
    expect(received).toHaveLength(7);
  });

  it('sends close_notify once, and tells of the peer’s', () => {
    const tested = pair(version).handshake();
    const before = tested.log.length;
    tested.take('client', tested.client.close()).take('client', tested.client.close()).pump();
    const after = tested.log.slice(before).map(({ side, output }) => `${side} ${summary([output]).join()}`);
    expect(after).toEqual(['client record 21', 'client alert write 0', 'server alert read 0', 'server closeNotify']);
  });

  it('says nothing of a server’s name or protocols that were not negotiated', () => {
    const tested = pair(version).handshake();
    expect(tested.server.serverName).toBeUndefined();
    expect(tested.server.negotiated.alpn).toBeUndefined();
    expect(tested.client.negotiated.alpn).toBeUndefined();
  });

  it('negotiates the first protocol of the server that the client has too', () => {
    const tested = pair(version);
    tested.client.setup.setAlpn(wire('http/1.1', 'h2', 'x'));
    tested.server.setup.setAlpn(wire('nope', 'h2', 'http/1.1'));
    tested.handshake();
    expect(tested.client.negotiated.alpn).toBe('h2');
    expect(tested.server.negotiated.alpn).toBe('h2');
  });

  it('refuses a client that has none of the server’s protocols: no_application_protocol', () => {
    const tested = pair(version);
    tested.client.setup.setAlpn(wire('a'));
    tested.server.setup.setAlpn(wire('b'));
    tested.handshake();
    expect(summary(tested.outputs('client'))).toContain('alert read 120');
    expect(tested.failed('server')).toBe(true);
  });

  it('waits for a certificate when told to, with the client’s name known', async () => {
    const other = await issue(authority, { names: ['other.example'] });
    const tested = pair(version);
    tested.client.setup.setServerName('other.example');
    tested.server.setup.suspendForHello();
    tested.handshake();
    expect(summary(tested.outputs('server'))).toEqual(['question']);
    expect(tested.server.serverName).toBe('other.example');
    tested.server.setup.setContext(serverContext(module, other, version), Buffer.from('test'));
    tested.resume('server');
    expect(tested.find('client', 'handshakeDone')).toBeDefined();
    expect(Buffer.from(tested.client.negotiated.peerChain[0] ?? []).includes('other.example')).toBe(true);
  });

  it('goes on after suspension with the context that it had', () => {
    const tested = pair(version);
    tested.server.setup.suspendForCertificate();
    tested.handshake().resume('server');
    expect(tested.find('client', 'handshakeDone')).toBeDefined();
    expect(tested.outputs('server').filter(({ kind }) => kind === 'question')).toHaveLength(1);
  });

  it('exports the same keying material at both ends, not before the end of the handshake', () => {
    const tested = pair(version);
    expect(() => tested.client.inspection.exportKeyingMaterial(32, 'EXPORTER-test')).toThrow(OpenSSLError);
    tested.handshake();
    const exported = tested.client.inspection.exportKeyingMaterial(32, 'EXPORTER-test', Buffer.from('context'));
    expect(exported).toHaveLength(32);
    expect(tested.server.inspection.exportKeyingMaterial(32, 'EXPORTER-test', Buffer.from('context'))).toEqual(
      exported,
    );
    expect(tested.server.inspection.exportKeyingMaterial(32, 'EXPORTER-test')).not.toEqual(exported);
  });

  it('logs keys in NSS format when asked', () => {
    const tested = pair(version);
    tested.client.logKeys();
    tested.handshake();
    const lines = tested
      .outputs('client')
      .filter((output) => output.kind === 'keyLog')
      .map(({ line }) => line);
    const label = version === 0x0303 ? 'CLIENT_RANDOM' : 'CLIENT_TRAFFIC_SECRET_0';
    expect(lines.map((line) => line.split(' ')[0])).toContain(label);
    expect(tested.outputs('server').filter(({ kind }) => kind === 'keyLog')).toEqual([]);
  });

  it('throws once disposed of, and disposes twice', () => {
    const tested = pair(version);
    tested.dispose();
    tested.dispose();
    expect(() => tested.client.resume()).toThrow(/disposed/);
  });
});

describe('KeyUpdate', () => {
  const updates = (outputs: readonly Output[]): string[] => summary(outputs.filter(({ kind }) => kind !== 'session'));

  it.each(['client', 'server'] as const)('from the %s changes its write keys behind the message', (side) => {
    const tested = pair(0x0304).handshake();
    const peer = side === 'client' ? 'server' : 'client';
    const before = tested.log.length;
    tested.take(side, tested[side].updateKeys(false)).pump();
    const after = tested.log.slice(before);
    expect(updates(after.filter((entry) => entry.side === side).map(({ output }) => output))).toEqual([
      ...['record 22', 'installKeys write'],
    ]);
    expect(updates(after.filter((entry) => entry.side === peer).map(({ output }) => output))).toEqual([
      ...['keyUpdate', 'installKeys read'],
    ]);
  });

  it.each(['client', 'server'] as const)('requested by the %s comes back once', (side) => {
    const tested = pair(0x0304).handshake();
    const before = tested.log.length;
    tested.take(side, tested[side].updateKeys(true)).pump();
    const own = tested.log.slice(before).filter((entry) => entry.side === side);
    expect(updates(own.map(({ output }) => output))).toEqual([
      ...['record 22', 'installKeys write', 'keyUpdate', 'installKeys read'],
    ]);
  });

  it('starts the new keys at record 0, the same at both ends', () => {
    const tested = pair(0x0304).handshake();
    const before = tested.log.length;
    tested.take('client', tested.client.updateKeys(false)).pump();
    const keys = tested.log.slice(before).flatMap(({ output }) => (output.kind === 'installKeys' ? [output] : []));
    expect(keys).toHaveLength(2);
    expect(keys[0]?.keys).toEqual(keys[1]?.keys);
    expect(keys[0]?.keys.sequenceNumber).toBe(0n);
  });

  it('is refused before TLS 1.3', () => {
    const tested = pair(0x0303).handshake();
    expect(() => tested.client.updateKeys(false)).toThrow(OpenSSLError);
  });

  it('is refused before the end of the handshake', () => {
    expect(() => pair(0x0304).client.updateKeys(false)).toThrow(OpenSSLError);
  });
});

function wire(...names: string[]): Uint8Array {
  return Buffer.concat(names.map((name) => Buffer.from([name.length, ...Buffer.from(name)])));
}
