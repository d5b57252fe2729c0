import { once } from 'node:events';
import net from 'node:net';
import { buffer } from 'node:stream/consumers';
import nodeTls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { EchKeys, type GeneratedEchKey, generateEchKey } from '../../src/ech.ts';
import {
  type ConnectionOptions,
  connect,
  createSecureContext,
  createServer,
  type TLSSocket,
  type TlsOptions,
} from '../../src/index.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { listenUntilEnd, owned } from './scenario.ts';

const secretName = 'secret.example';
const outerName = 'outer.example';
let authority: Authority;
let identity: Identity;
let client: Identity;
let key: GeneratedEchKey;
let other: GeneratedEchKey;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority, { names: [secretName, outerName] });
  client = await issue(authority, { usage: 'client', commonName: 'some client' });
  key = generateEchKey({ publicName: outerName });
  other = generateEchKey({ publicName: outerName });
});

/** What a server has seen of its connections. */
interface Seen {
  readonly port: number;
  readonly sockets: TLSSocket[];
  readonly failures: string[];
  readonly keyLog: string[];
}

async function serve(options: TlsOptions): Promise<Seen> {
  const [sockets, failures, keyLog]: [TLSSocket[], string[], string[]] = [[], [], []];
  const server = createServer({ ...identity, ...options }, (socket) => {
    sockets.push(socket);
    owned(socket).on('error', () => {});
    socket.end(JSON.stringify([socket.servername, socket.ech?.status, socket.authorized]));
  });
  server.on('keylog', (line: Buffer) => keyLog.push(line.toString()));
  server.on('tlsClientError', (error: Error) => failures.push('code' in error ? String(error.code) : ''));
  return { port: await listenUntilEnd(server), sockets, failures, keyLog };
}

function dial(port: number, options: ConnectionOptions): TLSSocket {
  return owned(connect({ port, host: '127.0.0.1', ca: authority.cert, servername: secretName, ...options }));
}

/** What the two say of a connection that comes about. */
async function talk(port: number, options: ConnectionOptions) {
  const socket = dial(port, options);
  await once(socket, 'secureConnect');
  const { ech, authorized } = socket;
  const reused = socket.isSessionReused();
  const told: unknown = JSON.parse((await buffer(socket)).toString());
  return { ech, authorized, reused, server: told };
}

async function failure(socket: TLSSocket): Promise<Error & { code?: string; retryConfigs?: Buffer }> {
  const [error] = await once(socket, 'error');
  return error;
}

const accepted = { status: 'accepted', outerServerName: outerName, retryConfigs: undefined };

describe.each(['native', 'wasm'] as const)('%s', (portableLayer) => {
  const keysOf = (...keys: GeneratedEchKey[]): TlsOptions => ({
    portableLayer,
    ech: { keys: keys.map(({ pem }) => pem) },
  });
  const configsOf = ({ configs }: GeneratedEchKey): ConnectionOptions => ({ portableLayer, ech: { configs } });

  it('is accepted: both sides say so, the name is the inner one', async () => {
    const { port } = await serve(keysOf(key));
    expect(await talk(port, configsOf(key))).toEqual({
      ech: accepted,
      authorized: true,
      reused: false,
      server: [secretName, 'accepted', false],
    });
  });

  it('configurations may be in base64, and of several keys the right one is found', async () => {
    const { port } = await serve(keysOf(other, key));
    const ech = { configs: key.configs.toString('base64') };
    expect((await talk(port, { portableLayer, ech })).ech).toEqual(accepted);
    expect((await talk(port, configsOf(other))).ech).toEqual(accepted);
  });

  it('after a HelloRetryRequest', async () => {
    const { port, sockets } = await serve({ ...keysOf(key), ecdhCurve: 'P-256' });
    expect((await talk(port, { ...configsOf(key), ecdhCurve: 'X25519:P-256' })).ech).toEqual(accepted);
    expect(sockets[0]?.ech?.status).toBe('accepted');
  });

  it('with a client’s certificate', async () => {
    const { port } = await serve({ ...keysOf(key), requestCert: true, ca: authority.cert });
    expect(await talk(port, { ...configsOf(key), ...client })).toMatchObject({
      ech: accepted,
      server: [secretName, 'accepted', true],
    });
  });

  it.each([true, false])('sessions are resumed, the second time with ECH: %s', async (again) => {
    const { port } = await serve(keysOf(key));
    const first = dial(port, configsOf(key));
    const [session] = await once(first, 'session');
    await buffer(first);
    const second = await talk(port, { portableLayer, session, ...(again && configsOf(key)) });
    expect(second).toMatchObject({ reused: true, authorized: true, ech: again ? accepted : undefined });
  });

  it('SNICallback is asked for the inner name, and its context accepts as well', async () => {
    const names: string[] = [];
    const inner = await issue(authority, { names: [secretName] });
    const { port } = await serve({
      ...keysOf(key),
      SNICallback: (name, done) => {
        names.push(name);
        done(null, nodeContext(inner));
      },
    });
    const socket = dial(port, configsOf(key));
    await once(socket, 'secureConnect');
    expect([names, socket.ech, socket.getPeerCertificate().subjectaltname]).toEqual([
      [secretName],
      accepted,
      `DNS:${secretName}`,
    ]);
  });

  it('a server that has another key: ERR_KTLS_ECH_REJECTED, and with its retryConfigs it works', async () => {
    const { port, sockets, failures } = await serve(keysOf(other));
    const socket = dial(port, configsOf(key));
    const error = await failure(socket);
    expect(error).toMatchObject({ code: 'ERR_KTLS_ECH_REJECTED', outerServerName: outerName, alert: 121 });
    expect(error.retryConfigs?.equals(other.configs)).toBe(true);
    await expect.poll(() => failures).toEqual(['ERR_SSL_TLSV1_ALERT_ECH_REQUIRED']);
    expect(sockets).toEqual([]);
    const { retryConfigs } = error;
    expect((await talk(port, { portableLayer, ech: { configs: retryConfigs } })).ech).toEqual(accepted);
  });

  it('a server that has another key and sends a HelloRetryRequest: the same', async () => {
    const { port, sockets } = await serve({ ...keysOf(other), ecdhCurve: 'P-256' });
    const error = await failure(dial(port, { ...configsOf(key), ecdhCurve: 'X25519:P-256' }));
    expect(error).toMatchObject({ code: 'ERR_KTLS_ECH_REJECTED', retryConfigs: other.configs, alert: 121 });
    expect(sockets).toEqual([]);
  });

  it('a server that is not trusted gives no retryConfigs, also with rejectUnauthorized: false', async () => {
    const stranger = await issue(await makeAuthority(), { names: [secretName, outerName] });
    const { port } = await serve({ ...keysOf(other), ...stranger });
    for (const rejectUnauthorized of [true, false]) {
      const error = await failure(dial(port, { ...configsOf(key), rejectUnauthorized }));
      expect(error).toMatchObject({ code: 'ERR_KTLS_ECH_REJECTED', retryConfigs: undefined });
      expect(error.message).toMatch(/is not trusted/);
    }
  });

  it.each([
    ['refuses', () => new Error('another pin')],
    [
      'throws',
      () => {
        throw new Error('another pin');
      },
    ],
  ])('nor does one that checkServerIdentity %s, which is asked for the outer name', async (_, judge) => {
    const { port } = await serve(keysOf(other));
    const names: string[] = [];
    const checkServerIdentity = (name: string, { raw }: nodeTls.PeerCertificate): Error => {
      names.push(`${name} ${raw.length > 0}`);
      return judge();
    };
    const error = await failure(dial(port, { ...configsOf(key), checkServerIdentity }));
    expect(error).toMatchObject({ code: 'ERR_KTLS_ECH_REJECTED', retryConfigs: undefined });
    expect([names, error.message]).toEqual([[`${outerName} true`], expect.stringMatching(/not trusted: another pin/)]);
  });

  it('a context that is chosen for a name says nothing of versions, as with node:tls', async () => {
    const chosen = nodeContext({ ...identity, maxVersion: 'TLSv1.2' });
    const { port } = await serve({ ...keysOf(key), SNICallback: (_, done) => done(null, chosen) });
    expect((await talk(port, configsOf(key))).ech).toEqual(accepted);
    const socket = nodeTls.connect({ port, ca: authority.cert, servername: secretName, maxVersion: 'TLSv1.2' });
    expect(JSON.parse((await buffer(socket)).toString())).toEqual([secretName, 'absent', false]);
  });

  it('a server whose certificate is not good for the outer name gives none either', async () => {
    const inner = await issue(authority, { names: [secretName] });
    const { port } = await serve({ ...keysOf(other), ...inner });
    const error = await failure(dial(port, configsOf(key)));
    expect(error).toMatchObject({ code: 'ERR_KTLS_ECH_REJECTED', retryConfigs: undefined });
  });

  it.each([
    ['TLSv1.3', 'ERR_KTLS_ECH_REJECTED'],
    // What is encrypted offers no other version than TLS 1.3 (RFC 9849 §6.1).
    ['TLSv1.2', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
  ] as const)('a server of node:tls with %s, which has none: %s', async (maxVersion, code) => {
    const server = nodeTls.createServer({ ...identity, maxVersion });
    const secured: unknown[] = [];
    server.on('secureConnection', (socket) => secured.push(socket.end()));
    server.on('tlsClientError', () => {});
    const port = await listenUntilEnd(server);
    const error = await failure(dial(port, configsOf(key)));
    expect([error.code, error.retryConfigs, secured]).toEqual([code, undefined, []]);
  });

  it('grease looks like it, and is none: retryConfigs are ignored (RFC 9849 §6.2.1)', async () => {
    const { port } = await serve(keysOf(key));
    expect(await talk(port, { portableLayer, ech: { grease: true } })).toMatchObject({
      ech: { status: 'greased', retryConfigs: undefined },
      authorized: true,
      server: [secretName, 'rejected', false],
    });
  });

  it('clients without it are served as ever, of node:tls and TLS 1.2, too', async () => {
    const { port } = await serve(keysOf(key));
    expect(await talk(port, { portableLayer })).toMatchObject({
      ech: undefined,
      server: [secretName, 'absent', false],
    });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = nodeTls.connect({ port, ca: authority.cert, servername: secretName, maxVersion });
      expect(JSON.parse((await buffer(socket)).toString())).toEqual([secretName, 'absent', false]);
    }
  });

  it('logs the two lines that a reader needs, and all secrets under the inner random (RFC 9850 §2.3)', async () => {
    const { port, keyLog } = await serve({ ...keysOf(key), ecdhCurve: 'P-256' });
    const socket = dial(port, { ...configsOf(key), ecdhCurve: 'X25519:P-256' });
    const lines: string[] = [];
    socket.on('keylog', (line: Buffer) => lines.push(line.toString()));
    await buffer(socket);
    const words = lines.map((line) => line.trim().split(' '));
    const [outer = []] = words;
    expect(words.slice(0, 2).map(([label, random]) => [label, random])).toEqual([
      ['ECH_SECRET', outer[1]],
      ['ECH_CONFIG', outer[1]],
    ]);
    expect(words[1]?.[2]).toBe(key.configs.subarray(2).toString('hex'));
    const others = new Set(words.slice(2).map(([, random]) => random));
    expect([others.size, others.has(outer[1])]).toEqual([1, false]);
    expect(keyLog.toSorted()).toEqual(lines.toSorted());
  });
});

/** A context as an SNICallback gives it. */
function nodeContext(from: nodeTls.SecureContextOptions): nodeTls.SecureContext {
  return Reflect.apply(createSecureContext, undefined, [from]);
}

it('nothing of the inner name or protocol is on the wire', async () => {
  const { port } = await serve({ ech: { keys: key.pem }, ALPNProtocols: ['a-secret-protocol'] });
  const sent: Buffer[] = [];
  const proxy = net.createServer((from) => {
    const to = owned(net.connect(port, '127.0.0.1'));
    from.on('data', (chunk) => sent.push(chunk));
    to.on('data', (chunk) => sent.push(chunk));
    from.pipe(to).pipe(from);
    for (const end of [from, to]) end.on('error', () => {});
  });
  const socket = dial(await listenUntilEnd(proxy), {
    ech: { configs: key.configs, outerALPNProtocols: ['http/1.1'] },
    ALPNProtocols: ['a-secret-protocol'],
  });
  await once(socket, 'secureConnect');
  await buffer(socket);
  expect([socket.alpnProtocol, sent.length > 0]).toEqual(['a-secret-protocol', true]);
  const wire = Buffer.concat(sent);
  expect([wire.includes(outerName), wire.includes('http/1.1'), wire.includes('secret')]).toEqual([true, true, false]);
});

it('outerServerName takes the place of the configuration’s', async () => {
  const named = await issue(authority, { names: [secretName, 'front.example'] });
  const { port } = await serve({ ...named, ech: { keys: key.pem } });
  const ech = { configs: key.configs, outerServerName: 'front.example' };
  expect((await talk(port, { ech })).ech).toEqual({ ...accepted, outerServerName: 'front.example' });
});

it('EchKeys are replaced while the server runs', async () => {
  const keys = new EchKeys(key.pem);
  const { port } = await serve({ ech: { keys } });
  expect((await talk(port, { ech: { configs: key.configs } })).ech).toEqual(accepted);
  keys.replace([other.pem, key.pem]);
  expect((await talk(port, { ech: { configs: key.configs } })).ech).toEqual(accepted);
  expect((await talk(port, { ech: { configs: other.configs } })).ech).toEqual(accepted);
  keys.replace(other.pem);
  expect(await failure(dial(port, { ech: { configs: key.configs } }))).toMatchObject({ retryConfigs: other.configs });
  expect(() => keys.replace('rubbish')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
  expect((await talk(port, { ech: { configs: other.configs } })).ech).toEqual(accepted);
});

it.each<[string, (boolean | undefined)[], number[]]>([
  ['nothing said: the first', [undefined, undefined], [0]],
  ['one says yes: that one', [undefined, true], [1]],
  ['both say yes: both', [true, true], [0, 1]],
  ['the first says no: the second', [false, undefined], [1]],
  ['both say no: none', [false, false], []],
])('which of two keys a client is told to use: %s', async (_, retries, told) => {
  const third = generateEchKey({ publicName: outerName });
  const keys = [key, other].map(({ pem }, at) => ({ pem, retry: retries[at] }));
  const { port } = await serve({ ech: { keys } });
  const { retryConfigs } = await failure(dial(port, { ech: { configs: third.configs } }));
  const expected = told.map((at) => [key, other][at]?.configs.subarray(2).toString('hex')).join('');
  expect(retryConfigs?.subarray(2).toString('hex') ?? '').toBe(expected);
});

it.each([
  ['x25519', 'sha256', 'chacha20-poly1305'],
  ['p256', 'sha256', 'aes-128-gcm'],
  ['p384', 'sha384', 'aes-256-gcm'],
  ['p521', 'sha512', 'aes-256-gcm'],
  ['x448', 'sha512', 'aes-128-gcm'],
] as const)('keys of %s, %s, %s', async (kem, kdf, aead) => {
  const made = generateEchKey({ publicName: outerName, maxNameLength: 32, suite: { kem, kdf, aead } });
  const { port } = await serve({ ech: { keys: made.pem } });
  expect((await talk(port, { ech: { configs: made.configs } })).ech).toEqual(accepted);
});

describe('what cannot be', () => {
  it.each<[string, object, string]>([
    ['no object', { ech: 'on' }, 'ERR_INVALID_ARG_TYPE'],
    ['configs of another type', { ech: { configs: 7 } }, 'ERR_INVALID_ARG_TYPE'],
    ['configs that are no base64', { ech: { configs: 'not base64!' } }, 'ERR_INVALID_ARG_VALUE'],
    ['an outer name alone', { ech: { outerServerName: outerName } }, 'ERR_INVALID_ARG_VALUE'],
    ['an outer name of another type', { ech: { configs: 'AAAA', outerServerName: 1 } }, 'ERR_INVALID_ARG_TYPE'],
    ['nothing at all', { ech: {} }, 'ERR_INVALID_ARG_VALUE'],
    ['configs that were not found', { ech: { configs: undefined } }, 'ERR_INVALID_ARG_VALUE'],
    ['a list', { ech: [] }, 'ERR_INVALID_ARG_VALUE'],
    ['outer protocols of another type', { ech: { configs: 'AAAA', outerALPNProtocols: 7 } }, 'ERR_INVALID_ARG_TYPE'],
    ['outer protocols null', { ech: { configs: 'AAAA', outerALPNProtocols: null } }, 'ERR_INVALID_ARG_TYPE'],
    ['no outer protocols', { ech: { configs: 'AAAA', outerALPNProtocols: [] } }, 'ERR_INVALID_ARG_VALUE'],
    ['grease of another type', { ech: { grease: 1 } }, 'ERR_INVALID_ARG_TYPE'],
    ['a server’s option', { ech: { keys: '' } }, 'ERR_INVALID_ARG_VALUE'],
    ['no TLS 1.3', { ech: { grease: true }, maxVersion: 'TLSv1.2' }, 'ERR_INVALID_ARG_VALUE'],
  ])('of a client: %s', (_, options, code) => {
    expect(() => dial(1, options)).toThrow(expect.objectContaining({ code }));
  });

  it.each<[string, unknown, string]>([
    ['no object', true, 'ERR_INVALID_ARG_TYPE'],
    ['no keys', {}, 'ERR_INVALID_ARG_TYPE'],
    ['an empty list', { keys: [] }, 'ERR_INVALID_ARG_TYPE'],
    ['keys of another type', { keys: [7] }, 'ERR_INVALID_ARG_TYPE'],
    ['text that has none', { keys: 'rubbish' }, 'ERR_INVALID_ARG_VALUE'],
    ['retry of another type', { keys: { pem: '', retry: 'yes' } }, 'ERR_INVALID_ARG_TYPE'],
    ['split mode', { keys: '', splitMode: true }, 'ERR_INVALID_ARG_VALUE'],
  ])('of a server: %s', (_, ech, code) => {
    expect(() => Reflect.construct(Object, [createServer({ ...identity, ...option(ech) })])).toThrow(
      expect.objectContaining({ code }),
    );
  });

  it('of a server: no TLS 1.3, told at once and not to who connects', () => {
    const refused = expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' });
    const ech = { keys: key.pem };
    expect(() => createServer({ ...identity, ech, maxVersion: 'TLSv1.2' })).toThrow(refused);
    const server = createServer({ ...identity, ech });
    expect(() => server.setSecureContext({ ...identity, maxVersion: 'TLSv1.2' })).toThrow(refused);
  });

  it.each([Buffer.alloc(0), Buffer.from('rubbish'), Buffer.alloc(2000, 0xfe)])(
    'a list that is none: an error, and nothing is sent',
    async (configs) => {
      const received: Buffer[] = [];
      const port = await listenUntilEnd(
        net.createServer((socket) => socket.on('data', (chunk) => received.push(chunk))),
      );
      expect(await failure(dial(port, { ech: { configs } }))).toMatchObject({ code: 'ERR_KTLS_ECH_CONFIGS' });
      expect(received).toEqual([]);
    },
  );

  it('generateEchKey: names and suites that are none', () => {
    for (const publicName of ['', 'x'.repeat(300), 'a.example\0b'])
      expect(() => generateEchKey({ publicName })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
    expect(() => generateEchKey({ publicName: outerName, maxNameLength: 256 })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    );
    for (const args of [[], [{ publicName: outerName, suite: 'x25519' }]])
      expect(() => Reflect.apply(generateEchKey, undefined, args)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
      );
    const suite = JSON.parse('{"kem":"x25518"}');
    expect(() => generateEchKey({ publicName: outerName, suite })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    );
  });
});

function option(ech: unknown): object {
  return { ech };
}
