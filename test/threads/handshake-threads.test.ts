import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nodeTls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import * as https from '../../src/https.ts';
import * as ktls from '../../src/index.ts';
import { HandshakeThread } from '../../src/threads/handshake-thread.ts';
import { handshakeThread } from '../../src/threads/handshake-threads.ts';
import { unless } from '../helpers/unless.ts';
import { type Identities, makeIdentities } from '../socket/identities.ts';
import { closed, listenUntilEnd, owned } from '../socket/scenario.ts';

let identities: Identities;
beforeAll(async () => {
  identities = await makeIdentities();
});

const threaded = { handshakeThreads: 1 } as const;

function thread(): HandshakeThread {
  const found = handshakeThread(1);
  if (!found) throw new Error('no thread');
  return found;
}

async function serving(options: object = {}) {
  const server = ktls.createServer({ ...identities.server, ...threaded, ...options });
  server.on('secureConnection', (socket) => owned(socket).on('error', () => {}));
  const failures: unknown[] = [];
  server.on('tlsClientError', (error) => failures.push(Reflect.get(error, 'code')));
  return { server, port: await listenUntilEnd(server), failures };
}

const where = (port: number) => ({
  ...{ port, host: '127.0.0.1', servername: 'localhost', ca: identities.authority.cert },
});

async function visit(port: number, options: object = {}): Promise<void> {
  const client = owned(nodeTls.connect({ ...where(port), ...options }));
  await once(client, 'secureConnect');
  client.resume().end();
  await once(client, 'close');
}

describe('where handshakes are run', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('in a thread that is asked for: %s', async (maxVersion) => {
    const { server, port } = await serving();
    const connected = once(server, 'secureConnection');
    const client = owned(ktls.connect({ ...where(port), ...threaded, maxVersion }));
    await Promise.all([once(client, 'secureConnect'), connected]);
    expect(thread().load).toBe(2);
    expect([client.authorized, client.getProtocol()]).toEqual([true, maxVersion]);
    const [accepted] = await connected;
    expect(accepted.exportKeyingMaterial(32, 'EXPORTER-x')).toEqual(client.exportKeyingMaterial(32, 'EXPORTER-x'));
    expect(accepted.getPeerFinished()).toEqual(client.getFinished());
    accepted.end();
    client.resume().end();
    await Promise.all([once(client, 'close'), once(accepted, 'close')]);
    expect(thread().load).toBe(0);
  });

  test.each([
    ['what only the main thread can answer', { ALPNCallback: () => undefined }],
    ['records that OpenSSL is to keep', { portableLayer: 'wasm' }],
    ['keys that are exported', { exportKeys: true }],
    ['none is asked for', { handshakeThreads: 0 }],
  ])('not in one: %s', async (_what, options) => {
    const { server, port } = await serving(options);
    const connected = once(server, 'secureConnection');
    const client = owned(nodeTls.connect(where(port)));
    await Promise.all([once(client, 'secureConnect'), connected]);
    expect(thread().load).toBe(0);
  });

  test('over a stream without a descriptor, and of https', async () => {
    const server = https.createServer({ ...identities.server, ...threaded }, (_request, response) =>
      response.end('hello'),
    );
    const port = await listenUntilEnd(server);
    const agent = new https.Agent({ ca: identities.authority.cert, ...threaded });
    const [response] = await once(https.get({ port, host: 'localhost', agent }), 'response');
    expect(String((await response.toArray())[0])).toBe('hello');
    agent.destroy();
    const inner = nodeTls.connect(where(port));
    await once(owned(inner), 'secureConnect');
  });
});

test('a thread that ends takes its connections with it, and the next has another', async () => {
  const { server, port, failures } = await serving();
  const connected = once(server, 'secureConnection');
  const client = owned(ktls.connect({ ...where(port), ...threaded }));
  await Promise.all([once(client, 'secureConnect'), connected]);
  const [accepted] = await connected;
  const begun = owned(net.connect(port, '127.0.0.1'));
  await once(server, 'tlsConnection');
  const ended = [client, accepted].map(async (socket) => Reflect.get((await once(socket, 'error'))[0], 'code'));
  const first = thread();
  await first.terminate();
  expect(await Promise.all(ended)).toEqual(['ERR_KTLS_UNAVAILABLE', 'ERR_KTLS_UNAVAILABLE']);
  await once(begun, 'close');
  expect(failures).toEqual(['ERR_KTLS_UNAVAILABLE']);
  expect(() => accepted.exportKeyingMaterial(32, 'x')).toThrow();
  await visit(port);
  expect(thread()).not.toBe(first);
});

unless(process.platform !== 'linux' && 'only on Linux', test)(
  'no descriptor is left behind, whatever becomes of a handshake and whenever it is given up',
  { timeout: 60_000 },
  async () => {
    const { server, port } = await serving({ handshakeTimeout: 200 });
    await visit(port);
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    const hello = Buffer.from('16030100', 'hex');
    for (let round = 0; round < 30; round++) {
      const accepted = once(server, 'tlsConnection');
      const raw = owned(net.connect(port, '127.0.0.1')).on('error', () => {});
      await once(raw, 'connect');
      const [socket] = await accepted;
      socket.on('error', () => {});
      if (round % 5 === 0) raw.end('GET / HTTP/1.1\r\n\r\n');
      else if (round % 5 === 1) raw.resetAndDestroy();
      else if (round % 5 === 2) setImmediate(() => socket.destroy());
      else if (round % 5 === 3) raw.end(hello);
      else socket.destroy();
      await closed(socket);
      raw.destroy();
      const client = owned(ktls.connect({ ...where(port), ...threaded })).on('error', () => {});
      if (round % 3 === 0) client.destroy();
      else if (round % 3 === 1) await once(client, 'connect').then(() => client.destroy());
      else await once(client, 'secureConnect').then(() => client.destroy());
      await closed(client);
    }
    // The thread closes what it has in its own time.
    await expect.poll(() => [thread().load, open()], { timeout: 20_000 }).toEqual([0, before]);
  },
);

test('a client with a wrong option, and a context that changes', async () => {
  const { server, port } = await serving();
  const refused = owned(ktls.connect({ ...where(port), ...threaded, session: Buffer.from('no session') }));
  await once(refused, 'secureConnect').then(() => refused.destroy());
  const before = owned(nodeTls.connect(where(port)));
  await once(before, 'secureConnect');
  const second = await (await import('../helpers/certificates.ts')).issue(identities.authority);
  server.setSecureContext(second);
  const after = owned(nodeTls.connect(where(port)));
  await once(after, 'secureConnect');
  const [one, two] = [before, after].map((socket) => socket.getPeerCertificate().fingerprint256);
  expect(one).not.toBe(two);
});

async function twoAccepted(server: ktls.Server, port: number): Promise<[ktls.TLSSocket, ktls.TLSSocket]> {
  const accept = async (): Promise<ktls.TLSSocket> => {
    const connected = once(server, 'secureConnection');
    await once(owned(nodeTls.connect(where(port)).on('error', () => {})), 'secureConnect');
    return (await connected)[0];
  };
  return [await accept(), await accept()];
}

const unavailable = expect.objectContaining({ code: 'ERR_KTLS_UNAVAILABLE' });

test('a thread that does not answer is given up with all its connections', async () => {
  const { server, port } = await serving();
  const [a, b] = await twoAccepted(server, port);
  const exported = [a, b].map((socket) => socket.exportKeyingMaterial(16, 'EXPORTER-x').toString('hex'));
  expect(exported[0]).not.toBe(exported[1]);
  const first = thread();
  const [load, now] = [vi.spyOn(Atomics, 'load'), vi.spyOn(performance, 'now')];
  load.mockReturnValueOnce(0 as never);
  now.mockReturnValueOnce(0).mockReturnValueOnce(1e6);
  expect(() => a.exportKeyingMaterial(16, 'EXPORTER-x')).toThrow(unavailable);
  load.mockRestore();
  now.mockRestore();
  const failed = once(b, 'error');
  expect(() => b.exportKeyingMaterial(16, 'EXPORTER-x')).toThrow();
  expect(await failed).toEqual([unavailable]);
  await closed(a);
  await visit(port);
  expect(thread()).not.toBe(first);
});

test('a thread that has died by a fault keeps nobody waiting, and what is looked up then is not there', async () => {
  const { server, port } = await serving();
  const [a, b] = await twoAccepted(server, port);
  const failed = Promise.all([a, b].map(async (socket) => (await once(socket, 'error'))[0]));
  // No keys for tickets have that length.
  const context = thread().contextNumber(Reflect.get(server, '_sharedCreds'));
  thread().send({ kind: 'ticketKeys', context, keys: new Uint8Array(new ArrayBuffer(8)), sealing: 0 });
  const begun = performance.now();
  // Until it is dead it answers.
  while (b.getFinished()) {}
  expect(b.destroyed).toBe(true);
  expect(a.getPeerFinished()).toBeUndefined();
  expect(() => a.exportKeyingMaterial(16, 'EXPORTER-x')).toThrow();
  expect(performance.now() - begun).toBeLessThan(5000);
  expect(await failed).toEqual([unavailable, unavailable]);
});

test('no handshake asks its thread', async () => {
  const asked = vi.spyOn(HandshakeThread.prototype, 'ask');
  const { server, port } = await serving({ requestCert: true, rejectUnauthorized: false });
  const connected = once(server, 'secureConnection');
  const client = owned(ktls.connect({ ...where(port), ...threaded, ...identities.client }));
  await Promise.all([once(client, 'secureConnect'), connected]);
  const here = owned(ktls.connect({ ...where(port), handshakeThreads: 0 }));
  await once(here, 'secureConnect');
  expect(client.getEphemeralKeyInfo()).toEqual(here.getEphemeralKeyInfo());
  expect(client.getPeerCertificate(true).issuerCertificate.fingerprint256).toBe(
    here.getPeerCertificate(true).issuerCertificate.fingerprint256,
  );
  const [accepted] = await connected;
  expect(accepted.getPeerCertificate(true).raw).toEqual(Reflect.get(client.getCertificate() ?? {}, 'raw'));
  // Its own certificate.
  expect(asked).toHaveBeenCalledTimes(1);
  asked.mockRestore();
});

test('what waits behind a thread is told when the connection is given up', async () => {
  const { server, port } = await serving({ ciphers: 'ECDHE-ECDSA-AES128-SHA', maxVersion: 'TLSv1.2' });
  const [socket] = await twoAccepted(server, port);
  const told = [1, 2].map(
    (n) => new Promise((resolve) => socket.write(`${n}`, (error) => resolve(Reflect.get(Object(error), 'code')))),
  );
  const sent = socket.sendFile(fileURLToPath(import.meta.url)).catch((error) => error.code);
  socket.destroy();
  expect(await Promise.all([...told, sent])).toEqual([
    'ERR_STREAM_DESTROYED',
    'ERR_STREAM_DESTROYED',
    'ERR_STREAM_DESTROYED',
  ]);
});

test.each([
  ['TLSv1.2', false],
  ['TLSv1.3', false],
  ['TLSv1.3', true],
] as const)(
  'ticket keys count at once, for handshakes that have begun, too: %s, with a context that was changed since: %s',
  async (maxVersion, isReplaced) => {
    const { server, port } = await serving({ maxVersion });
    const first = owned(nodeTls.connect({ ...where(port), maxVersion }));
    let session: Buffer | undefined;
    first.on('session', (told) => (session = told));
    const accepted = once(server, 'secureConnection');
    await once(first, 'secureConnect');
    (await accepted)[0].end('x');
    await closed(first.resume());
    session ??= first.getSession();
    const begun = once(server, 'tlsConnection');
    const raw = owned(net.connect(port, '127.0.0.1'));
    await begun;
    // The handshake that has begun uses what was there before.
    if (isReplaced) Reflect.get(server, '_sharedCreds').addCACert(identities.stranger.authority.cert);
    if (isReplaced) await visit(port);
    server.setTicketKeys(Buffer.alloc(48, 1));
    const { port: _port, host: _host, ...plain } = where(port);
    const second = owned(ktls.connect({ ...plain, socket: raw, maxVersion, session, handshakeThreads: 0 }));
    await once(second, 'secureConnect');
    expect(second.isSessionReused()).toBe(false);
  },
);

test('a stream that is destroyed below ends a handshake at once, of either side', async () => {
  const { server, port, failures } = await serving();
  server.once('connection', (raw) => setImmediate(() => raw.destroy()));
  const peer = owned(net.connect(port, '127.0.0.1')).resume();
  await once(peer, 'close');
  expect(failures).toEqual(['ECONNRESET']);
  const silent = net.createServer((socket) => owned(socket).on('error', () => {}));
  const below = owned(net.connect(await listenUntilEnd(silent), '127.0.0.1'));
  await once(below, 'connect');
  const client = owned(ktls.connect({ socket: below, servername: 'localhost', ...threaded }));
  const ended = closed(client);
  setImmediate(() => below.destroy());
  await ended;
});

test('an option that cannot be sent to a thread is its connection’s trouble alone', async () => {
  const { server, port } = await serving({ honorCipherOrder: () => 1, requestOCSP: () => {} });
  await visit(port);
  const good = owned(ktls.connect({ ...where(port), ...threaded }));
  const odd = owned(
    ktls.connect({ ...where(port), ...threaded, session: undefined, requestOCSP: Symbol('on') as never }),
  );
  await Promise.all([once(good, 'secureConnect'), once(odd, 'secureConnect')]);
  expect(server.listening).toBe(true);
});

test('a process whose handshakes were run in threads ends', { timeout: 30_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ktls-threads-'));
  const files = [join(folder, 'key.pem'), join(folder, 'cert.pem')] as const;
  const { issue } = await import('../helpers/certificates.ts');
  const own = await issue(undefined, { names: ['localhost'] });
  writeFileSync(files[0], own.key);
  writeFileSync(files[1], own.cert);
  const program = fileURLToPath(new URL('exit-program.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...files], { timeout: 25_000 });
  rmSync(folder, { recursive: true });
  expect(stdout).toBe('done');
});

test('a process does not stay for handshakes of sockets that are not referenced', { timeout: 30_000 }, async () => {
  const program = fileURLToPath(new URL('unref-program.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 25_000 });
  expect(stdout).toBe('nobody stays');
});

test.each([
  [-1, 'ERR_OUT_OF_RANGE'],
  [1.5, 'ERR_OUT_OF_RANGE'],
  [65, 'ERR_OUT_OF_RANGE'],
  ['2', 'ERR_INVALID_ARG_TYPE'],
  [null, 'ERR_INVALID_ARG_TYPE'],
])('%j threads are refused', (handshakeThreads, code) => {
  const wrong = expect.objectContaining({ code });
  expect(() => Reflect.apply(ktls.setHandshakeThreads, undefined, [handshakeThreads])).toThrow(wrong);
  expect(() => Reflect.apply(ktls.createServer, undefined, [{ ...identities.server, handshakeThreads }])).toThrow(
    wrong,
  );
  expect(() => Reflect.apply(ktls.connect, undefined, [{ port: 1, handshakeThreads }])).toThrow(wrong);
});
