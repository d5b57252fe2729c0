import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nodeTls from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import tls from '../../src/index.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { owned } from './scenario.ts';
import { codeOf, listening, node, thrownBy } from './surface.ts';

let identities: Identities;
let folder: string;

beforeAll(async () => {
  identities = await makeIdentities();
  folder = mkdtempSync(join(tmpdir(), 'ktls-module-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const changeable = [
  'createSecureContext',
  'DEFAULT_CIPHERS',
  'DEFAULT_ECDH_CURVE',
  'DEFAULT_MIN_VERSION',
  'DEFAULT_MAX_VERSION',
] as const;
const { createSecureContext: originalContext } = tls;
const original = changeable.map((name) => [name, Reflect.get(tls, name)] as const);

afterEach(() => {
  for (const [name, value] of original) Reflect.set(tls, name, value);
});

/** Our client at a server of node:tls, or the code of its error. */
async function connected(options: nodeTls.ConnectionOptions = {}): Promise<nodeTls.TLSSocket | string> {
  const { port } = await listening(node, { ...identities.server });
  const trusting = { ca: identities.authority.cert, servername: 'localhost', host: '127.0.0.1' };
  const socket = owned(tls.connect({ port, ...trusting, ...options }));
  try {
    await once(socket, 'secureConnect');
    return socket;
  } catch (error) {
    return String(codeOf(error));
  }
}

async function protocolOf(options?: nodeTls.ConnectionOptions): Promise<unknown> {
  const socket = await connected(options);
  return typeof socket === 'string' ? socket : [socket.getProtocol(), socket.getCipher().name];
}

describe('what a program changes on the module', () => {
  it('createSecureContext: asked by clients and servers, by addContext and setSecureContext', async () => {
    const asked: unknown[] = [];
    const replacement: typeof tls.createSecureContext = (options) => {
      asked.push(options?.sessionIdContext ?? options?.ciphers);
      return originalContext(options);
    };
    tls.createSecureContext = replacement;
    expect(tls.createSecureContext).toBe(replacement);
    const server = tls.createServer({ ...identities.server, sessionIdContext: 'server' });
    server.addContext('a.example', { ...identities.server, sessionIdContext: 'added' });
    server.setSecureContext({ ...identities.server, sessionIdContext: 'set' });
    await connected({ ciphers: 'TLS_AES_128_GCM_SHA256' });
    expect(asked).toEqual(['server', 'added', 'set', 'TLS_AES_128_GCM_SHA256']);
  });

  it('createSecureContext: what a package adds to a context is trusted', async () => {
    tls.createSecureContext = (options) => {
      const context = originalContext(options);
      context.context.addCACert(identities.authority.cert);
      return context;
    };
    const socket = await connected({ ca: undefined });
    expect(typeof socket === 'string' ? socket : socket.authorized).toBe(true);
  });

  it('DEFAULT_MAX_VERSION and DEFAULT_MIN_VERSION', async () => {
    tls.DEFAULT_MAX_VERSION = 'TLSv1.2';
    expect(await protocolOf()).toMatchObject(['TLSv1.2', expect.any(String)]);
    expect(await protocolOf({ maxVersion: 'TLSv1.3' })).toMatchObject(['TLSv1.3', expect.any(String)]);
    tls.DEFAULT_MAX_VERSION = 'TLSv1.3';
    tls.DEFAULT_MIN_VERSION = 'TLSv1.3';
    const { port } = await listening(node, { ...identities.server, maxVersion: 'TLSv1.2' });
    const [error] = await once(owned(tls.connect({ port, host: '127.0.0.1' })), 'error');
    expect(codeOf(error)).toMatch(/ALERT_PROTOCOL_VERSION/);
  });

  it('DEFAULT_CIPHERS', async () => {
    tls.DEFAULT_CIPHERS = 'TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-CHACHA20-POLY1305';
    expect(await protocolOf()).toEqual(['TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256']);
    expect(await protocolOf({ maxVersion: 'TLSv1.2' })).toEqual(['TLSv1.2', 'ECDHE-ECDSA-CHACHA20-POLY1305']);
  });

  it('DEFAULT_ECDH_CURVE', async () => {
    tls.DEFAULT_ECDH_CURVE = 'P-521';
    const socket = await connected();
    expect(typeof socket === 'string' ? socket : socket.getEphemeralKeyInfo()).toMatchObject({
      type: 'ECDH',
      size: 521,
    });
  });
});

describe('default authorities', () => {
  const before = nodeTls.getCACertificates('default');
  afterEach(() => tls.setDefaultCACertificates(before));

  it('setDefaultCACertificates: clients from then on, and getCACertificates', async () => {
    expect(await connected({ ca: undefined })).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    tls.setDefaultCACertificates([identities.authority.cert]);
    expect(tls.getCACertificates('default')).toEqual(nodeTls.getCACertificates('default'));
    expect(tls.getCACertificates('default')).toHaveLength(1);
    expect(typeof (await connected({ ca: undefined }))).toBe('object');
    tls.setDefaultCACertificates([]);
    expect(await connected({ ca: undefined })).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it('setDefaultCACertificates: what it refuses, as node:tls', () => {
    for (const given of [undefined, 'text', [7], ['no certificate']]) {
      const refused = (by: object): unknown =>
        thrownBy(() => Reflect.apply(Reflect.get(by, 'setDefaultCACertificates'), by, [given]));
      expect(refused(nodeTls)).toBeDefined();
      expect(refused(tls)).toEqual(refused(nodeTls));
    }
  });

  it.each(['bundled', 'extra', 'system', 'default', undefined] as const)('getCACertificates(%s) is node’s', (type) => {
    expect(tls.getCACertificates(type)).toEqual(nodeTls.getCACertificates(type));
  });

  it('NODE_EXTRA_CA_CERTS, and nothing without it', { timeout: 60_000 }, async () => {
    const { port } = await listening(node, identities.server);
    const file = join(folder, 'extra.pem');
    writeFileSync(file, identities.authority.cert);
    const library = new URL('../../src/index.ts', import.meta.url).href;
    const program = `
      const { connect } = await import(${JSON.stringify(library)});
      const socket = connect({ port: ${port}, host: '127.0.0.1', servername: 'localhost' });
      socket.on('error', (error) => console.log(error.code));
      socket.on('secureConnect', () => { console.log('authorized', socket.authorized); socket.destroy(); });`;
    const args = ['--experimental-strip-types', '--no-warnings', '--input-type=module', '-e', program];
    const said = async (extra: object): Promise<string> => {
      const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
      const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...env, ...extra } });
      return stdout.trim();
    };
    expect(await said({ NODE_EXTRA_CA_CERTS: file })).toBe('authorized true');
    expect(await said({})).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });
});

describe('Server', () => {
  it('is called without new', async () => {
    const server: unknown = Reflect.apply(tls.Server, undefined, [identities.server]);
    expect(server).toBeInstanceOf(tls.Server);
    expect(server).toBeInstanceOf(net.Server);
    if (server instanceof tls.Server) await serves(server);
  });

  it('is called on an object that inherits from it, as https.Server does', async () => {
    const told: unknown[] = [];
    function Heir(this: object, options: object): void {
      Reflect.apply(tls.Server, this, [options, (socket: nodeTls.TLSSocket) => told.push(socket.encrypted)]);
    }
    Object.setPrototypeOf(Heir.prototype, tls.Server.prototype);
    Object.setPrototypeOf(Heir, tls.Server);
    const heir: unknown = Reflect.construct(Heir, [identities.server]);
    if (!(heir instanceof tls.Server)) throw new Error('no server');
    expect(heir.constructor).toBe(Heir);
    await serves(heir);
    expect(told).toEqual([true]);
  });

  it('is extended by a class', async () => {
    class Heir extends tls.Server {
      readonly mine = true;
    }
    const heir = new Heir(identities.server);
    expect([heir.mine, heir instanceof tls.Server]).toEqual([true, true]);
    await serves(heir);
  });

  it('TLSSocket is extended by a class', () => {
    class Heir extends tls.TLSSocket {
      readonly mine = true;
    }
    const heir = new Heir(new net.Socket());
    expect([heir.mine, heir instanceof net.Socket, heir instanceof tls.TLSSocket]).toEqual([true, true, true]);
    heir.destroy();
  });
});

/** Accepts a client of node:tls. */
async function serves(server: nodeTls.Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  server.on('secureConnection', (socket) => owned(socket).end('hello'));
  const socket = owned(
    nodeTls.connect({ port: address.port, host: '127.0.0.1', ca: identities.authority.cert, servername: 'localhost' }),
  );
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe('hello');
  server.close();
}
