import { once } from 'node:events';
import type http from 'node:http';
import nodeHttp2 from 'node:http2';
import https from 'node:https';
import { Duplex } from 'node:stream';
import nodeTls from 'node:tls';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { Connection } from '../../src/connection/connection.ts';
import http2 from '../../src/http2.ts';
import tls, { TLSSocket } from '../../src/index.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { afterTest, answerTo, serve } from './web.ts';

let authority: Authority;
let identity: Identity;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
});

function connect(port: number, options: Parameters<typeof http2.connect>[1] = {}): nodeHttp2.ClientHttp2Session {
  const session = http2.connect(`https://localhost:${port}`, { ca: authority.cert, ...options });
  afterTest(() => session.destroy());
  return session;
}

/** A server whose sessions end with the test. */
async function start(
  options: Parameters<typeof http2.createSecureServer>[0] & object = {},
): Promise<{ server: nodeHttp2.Http2SecureServer; port: number }> {
  const server = http2.createSecureServer({ ...identity, ...options }, (request, response) => {
    response.end(`${request.httpVersion} ${request.url}`);
  });
  server.on('session', (session) => afterTest(() => session.destroy()));
  return { server, port: await serve(server) };
}

async function get(session: nodeHttp2.ClientHttp2Session, path: string): Promise<string> {
  return String(await collect(session.request({ ':path': path })));
}

/** Until 'end', which comes before a stream's other side is done. */
async function collect(stream: nodeHttp2.Http2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return Buffer.concat(chunks);
}

describe('a session', () => {
  test('is connected when TLS is', async () => {
    const { port } = await start();
    const session = connect(port);
    expect(session.connecting).toBe(true);
    expect(session.encrypted).toBeUndefined();
    const [told] = await once(session, 'connect');
    expect(told).toBe(session);
    expect(session.connecting).toBe(false);
    expect(await get(session, '/a')).toBe('2.0 /a');
  });

  test('knows its connection, on both sides', async () => {
    const { server, port } = await start({ requestCert: true, ca: authority.cert });
    const accepted = once(server, 'session');
    const session = connect(port, { ...(await issue(authority, { usage: 'client', commonName: 'me' })) });
    await once(session, 'connect');
    expect([session.encrypted, session.alpnProtocol]).toEqual([true, 'h2']);
    expect(session.originSet).toEqual([`https://localhost:${port}`]);
    const [theirs]: nodeHttp2.ServerHttp2Session[] = await accepted;
    expect([theirs?.encrypted, theirs?.alpnProtocol]).toEqual([true, 'h2']);

    const { socket } = session;
    expect(socket).toBeInstanceOf(TLSSocket);
    expect(theirs?.socket).toBeInstanceOf(TLSSocket);
    const ask = (about: object | undefined, name: string): unknown => about && Reflect.get(about, name);
    const call = (about: object | undefined, name: string): unknown => {
      const method = ask(about, name);
      return typeof method === 'function' ? method() : undefined;
    };
    expect(['authorized', 'encrypted', 'servername'].map((name) => ask(socket, name))).toEqual([
      true,
      true,
      'localhost',
    ]);
    expect(call(socket, 'getPeerCertificate')).toMatchObject({ subject: { CN: 'localhost' } });
    expect(call(socket, 'getProtocol')).toBe('TLSv1.3');
    expect([socket.remoteAddress, socket.remotePort]).toEqual(['127.0.0.1', port]);
    expect(call(theirs?.socket, 'getPeerCertificate')).toMatchObject({ subject: { CN: 'me' } });
    expect(theirs?.socket.remotePort).toBe(socket.localPort);
    expect(ask(socket, 'recordLayer')).toMatchObject({ read: expect.any(String) });
  });

  test('asks for nothing that a session’s socket must not do', async () => {
    const { port } = await start();
    const session = connect(port);
    await once(session, 'connect');
    expect(() => session.socket.write('')).toThrow(
      expect.objectContaining({ code: 'ERR_HTTP2_NO_SOCKET_MANIPULATION' }),
    );
  });

  test('over a stream that is none of ours is what it was', async () => {
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const session = nodeHttp2.connect('http://localhost', { createConnection: () => stream });
    afterTest(() => session.destroy());
    await once(session, 'connect');
    expect([session.encrypted, session.alpnProtocol]).toEqual([false, 'h2c']);
    expect(Reflect.get(session.socket, 'authorized')).toBeUndefined();
    expect(session.socket).not.toBeInstanceOf(TLSSocket);
    expect(Object.getPrototypeOf(session.socket).constructor.name).toBe('JSStreamSocket');
  });

  test('with a server that is not trusted does not get connected', async () => {
    const { port } = await start();
    const session = http2.connect(`https://localhost:${port}`, () => {
      throw new Error('it did');
    });
    const [error] = await once(session, 'error');
    expect(error).toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });

  test('promisified', async () => {
    const { port } = await start();
    const words = [`https://localhost:${port}`, { ca: authority.cert }];
    const session: nodeHttp2.ClientHttp2Session = await Reflect.apply(promisify(http2.connect), undefined, words);
    afterTest(() => session.destroy());
    expect(await get(session, '/b')).toBe('2.0 /b');
  });

  test('in clear text, for http:', async () => {
    const server = http2.createServer((request, response) => response.end(request.httpVersion));
    const session = http2.connect(`http://localhost:${await serve(server)}`);
    afterTest(() => session.destroy());
    expect(await get(session, '/')).toBe('2.0');
    expect(session.encrypted).toBe(false);
  });

  test('does not keep the process alive when told not to', async () => {
    const { port } = await start();
    const session = connect(port, { createConnection: undefined });
    await once(session, 'connect');
    const refs = (): number =>
      process.getActiveResourcesInfo().filter((name) => /TCPSocketWrap|Poll/.test(name)).length;
    const before = refs();
    session.unref();
    expect(refs()).toBeLessThan(before);
    session.ref();
    expect(refs()).toBe(before);
  });
});

describe('a server', () => {
  test('is node:http2’s, and for a client of node:http2', async () => {
    const { server, port } = await start();
    expect(server.constructor.name).toBe('Http2SecureServer');
    const session = nodeHttp2.connect(`https://localhost:${port}`, { ca: authority.cert });
    afterTest(() => session.destroy());
    expect(await get(session, '/c')).toBe('2.0 /c');
  });

  test('allowHTTP1 is for those who have no HTTP/2, and only then', async () => {
    const first = await start({ allowHTTP1: true });
    const options = { host: 'localhost', ca: authority.cert, agent: false as const };
    const { body } = await answerTo(https.request({ ...options, port: first.port, path: '/d' }));
    expect(body).toBe('1.1 /d');
    expect(await get(connect(first.port), '/e')).toBe('2.0 /e');

    const second = await start();
    const unknown = once(second.server, 'unknownProtocol');
    // It offers nothing that the server has, which is an alert (RFC 7301 §3.2).
    const offering = (ALPNProtocols: string[]): http.ClientRequest =>
      https.request(Object.assign({ port: second.port, ALPNProtocols }, options));
    await expect(answerTo(offering(['http/1.1']))).rejects.toThrow('no application protocol');
    const silent = offering([]);
    silent.on('error', () => {});
    silent.end();
    const [socket] = await unknown;
    expect(socket).toBeInstanceOf(TLSSocket);
    socket.destroy();
  });

  test.each(['native', 'wasm'] as const)('many streams at once, on the layer %s', async (portableLayer) => {
    const server = http2.createSecureServer({ ...identity, ktls: 'off', portableLayer });
    server.on('stream', async (stream) => {
      const body = await collect(stream);
      stream.respond();
      stream.end(body);
    });
    server.on('session', (session) => afterTest(() => session.destroy()));
    const session = connect(await serve(server), { ktls: 'off', portableLayer });
    const sent = Array.from({ length: 10 }, (_, index) => Buffer.alloc(20_000 * index, `${index} ktls `));
    const received = await Promise.all(
      sent.map(async (bytes) => {
        const stream = session.request({ ':method': 'POST' });
        stream.end(bytes);
        return await collect(stream);
      }),
    );
    expect(received.every((bytes, index) => sent[index]?.equals(bytes))).toBe(true);
  });

  test('its frames are joined, and the memory that they came in is given back', async () => {
    const server = http2.createSecureServer({ ...identity }, (_request, response) =>
      response.end(Buffer.alloc(65_536, 1)),
    );
    const write = vi.spyOn(Connection.prototype, 'write');
    const { transfer } = ArrayBuffer.prototype;
    let freed = 0;
    ArrayBuffer.prototype.transfer = function given(length) {
      freed += this.byteLength;
      return Reflect.apply(transfer, this, [length]);
    };
    try {
      expect(await get(connect(await serve(server)), '/')).toBe('\x01'.repeat(65_536));
    } finally {
      ArrayBuffer.prototype.transfer = transfer;
    }
    // A frame is of 16,384 bytes, with a header of nine.
    const written = write.mock.calls.flatMap(([parts]) => parts.map(({ length }) => length));
    write.mockRestore();
    expect(Math.max(...written)).toBeGreaterThan(2 * (16_384 + 9));
    expect(freed).toBeGreaterThanOrEqual(32_768);
  });

  test('pushes, pings, and says goodbye', async () => {
    const server = http2.createSecureServer({ ...identity });
    server.on('stream', (stream) => {
      stream.pushStream({ ':path': '/pushed' }, (error, pushed) => {
        if (!error) pushed.end('pushed');
        stream.end('asked');
      });
    });
    server.on('session', (session) => afterTest(() => session.destroy()));
    const session = connect(await serve(server));
    const pushed = new Promise<string>((resolve) =>
      session.once('stream', (stream) => resolve(collect(stream).then(String))),
    );
    expect(await get(session, '/')).toBe('asked');
    expect(await pushed).toBe('pushed');
    const pong = promisify((done: (error: Error | null) => void) => void session.ping(done));
    await pong();
    session.close();
    await once(session, 'close');
    expect(session.destroyed).toBe(true);
  });
});

test("TLS of Node.js's own on a socket of ours tells that it has written nothing", async () => {
  const server = tls.createServer({ ...identity }, (outer) => {
    const inner = new nodeTls.TLSSocket(outer, { isServer: true, ...identity });
    inner.on('error', () => {});
    inner.pipe(inner);
  });
  const outer = tls.connect({ port: await serve(server), servername: 'localhost', ca: authority.cert });
  const inner = nodeTls.connect({ socket: outer, servername: 'localhost', ca: authority.cert });
  afterTest(() => inner.destroy());
  await once(inner, 'secureConnect');
  // By the stream: it must not be told of it within the write.
  const write = vi.spyOn(outer, 'write');
  inner.write('first');
  expect(String((await once(inner, 'data'))[0])).toBe('first');
  expect(write).toHaveBeenCalled();
  await promisify((done: (error?: Error | null) => void) => void inner.write('', done))();
  inner.write('second');
  expect(String((await once(inner, 'data'))[0])).toBe('second');
});

test('the module has all that node:http2 has', () => {
  expect(Object.keys(http2).sort()).toEqual(Object.keys(nodeHttp2).sort());
});
