import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ktls from '../../src/index.ts';
import { encryptKey, type Identity } from '../helpers/certificates.ts';
import { unless } from '../helpers/unless.ts';
import { type Identities, makeIdentities } from './identities.ts';
import {
  type ClientOptions,
  type Implementation,
  nodeTls,
  ours,
  type ServerOptions,
  type TlsSocket,
} from './implementations.ts';
import { hasOpenSSLProgram, listenUntilEnd, owned, properties, serve } from './scenario.ts';

let identities: Identities;
let folder: string;

beforeAll(async () => {
  identities = await makeIdentities();
  folder = mkdtempSync(join(tmpdir(), 'ktls-options-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The code of what a call throws, or undefined. */
function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return properties(error, ['code', 'name']);
  }
  return undefined;
}

describe.each(ours)('$name', (implementation) => {
  const local = (port: number): ClientOptions => ({
    ...{ host: '127.0.0.1', port, servername: 'localhost', ca: identities.authority.cert },
  });

  /** Connects node:tls, or ours, to a server of ours. */
  async function toOurs(server: ServerOptions, client: ClientOptions = {}, by = nodeTls): Promise<TlsSocket> {
    const { port } = await serve(implementation, server);
    const socket = owned(by.connect({ ...local(port), ...client }));
    await once(socket, 'secureConnect');
    return socket;
  }

  it.each([
    ['RSA', () => identities.rsa],
    ['ECDSA', () => identities.server],
  ])('a certificate with a key of kind %s, at a server and a client', async (_, identity) => {
    const { cert, key } = identity();
    expect((await toOurs({ cert, key })).authorized).toBe(true);
    const { port } = await serve(nodeTls, { cert, key });
    const socket = owned(implementation.connect(local(port)));
    await once(socket, 'secureConnect');
    expect(socket.authorized).toBe(true);
  });

  it('an encrypted key, its passphrase beside it or for all', async () => {
    const { cert, key } = identities.server;
    const encrypted = encryptKey(key, 'secret');
    for (const options of [
      { cert, key: encrypted, passphrase: 'secret' },
      { cert, key: [{ pem: encrypted, passphrase: 'secret' }] },
      { cert, key: [{ pem: encrypted }], passphrase: 'secret' },
    ]) {
      expect((await toOurs(options)).authorized).toBe(true);
    }
  });

  unless(!hasOpenSSLProgram && 'no openssl program', it)('a PKCS #12 file with its passphrase', async () => {
    const pfx = makePfx(identities.server, 'secret');
    expect((await toOurs({ pfx, passphrase: 'secret' })).authorized).toBe(true);
    expect(thrown(() => implementation.createServer({ pfx, passphrase: 'wrong' }))).toEqual(
      thrown(() => nodeTls.createServer({ pfx, passphrase: 'wrong' })),
    );
  });

  it.each<[string, ServerOptions & ClientOptions]>([
    ['a key that is none', { key: 'nothing' }],
    ['a certificate that is none', { cert: 'nothing' }],
    ['ciphers that do not exist', { ciphers: 'NOT-A-CIPHER' }],
    ['a smallest version that does not exist', { minVersion: JSON.parse('"TLSv9"') }],
    ['a largest version that does not exist', { maxVersion: JSON.parse('"TLSv9"') }],
    ['ciphers that are no text', { ciphers: JSON.parse('1') }],
  ])('%s is refused as by node:tls', (_, options) => {
    const expected = thrown(() => tls.createSecureContext(options));
    expect(expected).toBeDefined();
    expect(thrown(() => ktls.createSecureContext(options))).toEqual(expected);
    expect(thrown(() => implementation.createServer(options))).toEqual(expected);
  });

  it('a key that belongs to another certificate is refused as by node:tls', () => {
    const options = { cert: identities.server.cert, key: identities.client.key };
    const expected = thrown(() => tls.createSecureContext(options));
    expect(expected).toMatchObject({ code: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' });
    expect(thrown(() => ktls.createSecureContext(options))).toEqual(expected);
  });

  it.each<Pick<ServerOptions, 'minVersion' | 'maxVersion' | 'ciphers'>>([
    { maxVersion: 'TLSv1.2' },
    { minVersion: 'TLSv1.3' },
    { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' },
    { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
    { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_128_GCM_SHA256' },
    { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384', maxVersion: 'TLSv1.2' },
    { ciphers: 'HIGH:!AES256', maxVersion: 'TLSv1.2' },
  ])('%j: negotiates as node:tls does', async (options) => {
    const negotiated = async (by: Implementation): Promise<unknown> => {
      const { port } = await serve(by, { ...identities.server, ...options });
      const socket = owned(nodeClient(port, 'localhost'));
      await once(socket, 'secureConnect');
      return [socket.getProtocol(), socket.getCipher().name];
    };
    expect(await negotiated(implementation)).toEqual(await negotiated(nodeTls));
  });

  it('ALPN: the first of the server’s protocols that the client has, at both ends', async () => {
    const { server, port } = await serve(implementation, {
      ...identities.server,
      ALPNProtocols: ['no', 'h2', 'http/1.1'],
    });
    for (const [ALPNProtocols, expected] of [
      [['http/1.1', 'h2'], 'h2'],
      [['http/1.1'], 'http/1.1'],
      [undefined, false],
    ] as const) {
      const connection = once(server, 'secureConnection');
      const offered = ALPNProtocols ? { ALPNProtocols: [...ALPNProtocols] } : {};
      const socket = owned(implementation.connect({ ...local(port), ...offered }));
      await once(socket, 'secureConnect');
      const [accepted] = await connection;
      expect([socket.alpnProtocol, accepted.alpnProtocol]).toEqual([expected, expected]);
    }
  });

  it('servername: addContext by name and wildcard, and the default', async () => {
    const { server, port } = await serve(implementation, identities.server);
    if (!(server instanceof ktls.Server)) throw new Error('not our server');
    server.addContext('*.other.example', identities.wrongName);
    server.addContext('exact.example', identities.rsa);
    for (const [servername, expected] of [
      ['a.other.example', identities.wrongName],
      ['A.OTHER.EXAMPLE', identities.wrongName],
      ['a.b.other.example', identities.server],
      ['exact.example', identities.rsa],
      ['localhost', identities.server],
    ] as const) {
      const connection = once(server, 'secureConnection');
      const socket = owned(nodeClient(port, servername));
      await once(socket, 'secureConnect');
      expect(socket.getPeerX509Certificate()?.toString().trim()).toBe(expected.cert.trim());
      const [accepted] = await connection;
      expect(accepted.servername).toBe(servername);
    }
  });

  it('SNICallback: a context, none, and an error', async () => {
    const options = { ...identities.server, ktls: 'off', portableLayer: implementation.layer } as const;
    const server = ktls.createServer({
      ...options,
      SNICallback(servername, done) {
        if (servername === 'bad.example') done(new Error('not here'));
        else if (servername === 'rsa.example') setImmediate(done, null, ktls.createSecureContext(identities.rsa));
        else done(null);
      },
    });
    const port = await listenUntilEnd(server);
    for (const [servername, expected] of [
      ['rsa.example', identities.rsa],
      ['other.example', identities.server],
    ] as const) {
      const socket = owned(nodeClient(port, servername));
      await once(socket, 'secureConnect');
      expect(socket.getPeerX509Certificate()?.toString().trim()).toBe(expected.cert.trim());
    }
    const refused = once(server, 'tlsClientError');
    owned(nodeClient(port, 'bad.example')).on('error', () => {});
    expect((await refused)[0]).toMatchObject({ message: 'not here' });
  });

  it('default authorities are node:tls’s', async () => {
    const { port } = await serve(implementation, identities.server);
    const before = tls.getCACertificates('default');
    const { ca: _, ...options } = local(port);
    try {
      ktls.setDefaultCACertificates([identities.authority.cert]);
      const socket = owned(implementation.connect(options));
      await once(socket, 'secureConnect');
      expect(socket.authorized).toBe(true);
    } finally {
      ktls.setDefaultCACertificates(before);
    }
    const [error] = await once(owned(implementation.connect(options)), 'error');
    expect(error).toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });

  it('connect: every form of arguments', async () => {
    const { port } = await serve(nodeTls, identities.server);
    const more = { ca: identities.authority.cert, servername: 'localhost', ktls: 'off' } as const;
    for (const call of [
      (done: () => void) => ktls.connect({ port, host: '127.0.0.1', ...more }, done),
      (done: () => void) => ktls.connect(port, { host: '127.0.0.1', ...more }, done),
      (done: () => void) => ktls.connect(port, '127.0.0.1', more, done),
      (done: () => void) => ktls.connect(port, 'nowhere.invalid', { ...more, host: '127.0.0.1' }, done),
      (done: () => void) => ktls.connect({ socket: net.connect(port, '127.0.0.1'), ...more }, done),
    ]) {
      await new Promise<void>((resolve, reject) => owned(call(resolve)).once('error', reject));
    }
  });

  unless(process.platform === 'win32' && 'not on Windows', it)('connect: a path', async () => {
    const server = implementation.createServer(identities.server);
    const path = join(folder, `${implementation.name}.sock`);
    server.listen(path);
    await once(server, 'listening');
    const socket = owned(ktls.connect({ path, ca: identities.authority.cert, portableLayer: implementation.layer }));
    await once(socket, 'secureConnect');
    expect(socket.recordLayer).toMatchObject({ read: implementation.layer, reason: { read: expect.any(String) } });
    server.close();
  });
});

describe('ktls', () => {
  it.each([JSON.parse('"sometimes"'), JSON.parse('7'), JSON.parse('{"write":"no"}')])('%j is refused', (option) => {
    expect(thrown(() => ktls.createServer({ ktls: option }))).toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    expect(thrown(() => new ktls.TLSSocket(new net.Socket(), { ktls: option }))).toMatchObject({
      code: 'ERR_INVALID_ARG_VALUE',
    });
  });

  it('off: the reason says so', async () => {
    const { port } = await serve(nodeTls, identities.server);
    const reasons = async (options: ktls.ConnectOptions): Promise<unknown> => {
      const more = { host: '127.0.0.1', port, servername: 'localhost', ca: identities.authority.cert };
      const socket = owned(ktls.connect({ ...more, ...options }));
      await once(socket, 'secureConnect');
      expect([socket.ktlsSend, socket.ktlsRecv]).toEqual([false, false]);
      return socket.recordLayer;
    };
    const layer = (reason: string): object => ({
      read: 'native',
      write: 'native',
      reason: { read: reason, write: reason },
    });
    expect(await reasons({ ktls: 'off' })).toEqual(layer("switched off by the option ktls: 'off'"));
  });
});

function nodeClient(port: number, servername: string): tls.TLSSocket {
  return tls.connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false });
}

function makePfx({ cert, key }: Identity, passphrase: string): Buffer {
  const [file, out] = [join(folder, 'both.pem'), join(folder, 'both.pfx')];
  writeFileSync(file, `${key}${cert}`, { mode: 0o600 });
  execFileSync('openssl', ['pkcs12', '-export', '-in', file, '-out', out, '-passout', `pass:${passphrase}`]);
  return readFileSync(out);
}
