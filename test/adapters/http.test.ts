import { once } from 'node:events';
import type http from 'node:http';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from 'vitest';
import { Agent, createServer, request, type ServerOptions } from '../../src/https.ts';
import { connect, TLSSocket } from '../../src/index.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { afterTest, answerTo, responseTo, serve } from './web.ts';

let authority: Authority;
let identity: Identity;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
});

const layers = ['native', 'wasm'] as const;
const versions = ['TLSv1.2', 'TLSv1.3'] as const;
const cells = layers.flatMap((layer) => versions.map((version) => ({ layer, version })));

describe.each(cells)('HTTP over the layer $layer and $version', ({ layer, version }) => {
  const carried = { ktls: 'off', portableLayer: layer, minVersion: version, maxVersion: version } as const;

  async function start(listener: http.RequestListener, options: ServerOptions = {}) {
    const server = createServer({ ...identity, ...carried, ...options }, listener);
    const sockets: unknown[] = [];
    server.on('secureConnection', (socket: unknown) => sockets.push(socket));
    const port = await serve(server);
    const agent = new Agent({ ...carried, ca: authority.cert, keepAlive: true, maxSockets: 1 });
    afterTest(() => agent.destroy());
    const ask = (more: http.RequestOptions = {}): http.ClientRequest =>
      request({ host: 'localhost', port, agent, ...more });
    return { server, sockets, port, ask };
  }

  /** A connection on which a test writes HTTP itself. */
  async function open(port: number): Promise<TLSSocket> {
    const socket = connect({ ...carried, port, host: 'localhost', ca: authority.cert });
    afterTest(() => socket.destroy());
    await once(socket, 'secureConnect');
    return socket;
  }

  const head = (path: string, ...more: string[]): string =>
    [`GET ${path} HTTP/1.1`, 'Host: localhost', ...more, '', ''].join('\r\n');

  test('keep-alive: one connection for many requests', async () => {
    const { sockets, ask } = await start((asked, response) => response.end(asked.url));
    for (const path of ['/1', '/2', '/3']) expect((await answerTo(ask({ path }))).body).toBe(path);
    expect(sockets).toHaveLength(1);
    const [socket] = sockets;
    expect(socket instanceof TLSSocket && [socket.recordLayer.read, socket.getProtocol()]).toEqual([layer, version]);
  });

  test('pipelining: answers in the order of the requests', async () => {
    const held: http.ServerResponse[] = [];
    const { port } = await start((asked, response) => {
      held.push(response);
      if (asked.url === '/3') for (const [index, one] of held.reverse().entries()) one.end(`<${3 - index}>`);
    });
    const socket = await open(port);
    socket.write(head('/1') + head('/2') + head('/3', 'Connection: close'));
    expect((await text(socket)).match(/<\d>/g)).toEqual(['<1>', '<2>', '<3>']);
  });

  test('chunked bodies both ways', async () => {
    const { ask } = await start((asked, response) => void asked.pipe(response));
    const body = 'ktls'.repeat(100_000);
    const sending = ask({ method: 'POST' });
    for (let start = 0; start < body.length; start += 30_000) sending.write(body.slice(start, start + 30_000));
    const { response, body: back } = await answerTo(sending);
    expect(response.headers['transfer-encoding']).toBe('chunked');
    expect(back === body).toBe(true);
  });

  test('Upgrade: the connection is the application’s, with what came behind the head', async () => {
    const { server, port } = await start(() => {});
    server.on('upgrade', (_asked, socket, head) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.write(head);
      socket.pipe(socket);
    });
    const socket = await open(port);
    socket.write(`${head('/', 'Connection: Upgrade', 'Upgrade: echo')}behind `);
    socket.end('later');
    expect((await text(socket)).split('\r\n\r\n')[1]).toBe('behind later');
  });

  test('Expect: 100-continue', async () => {
    const { ask } = await start((asked, response) => void asked.pipe(response));
    const sending = ask({ method: 'PUT', headers: { expect: '100-continue' } });
    sending.flushHeaders();
    await once(sending, 'continue');
    expect((await answerTo(sending, 'now')).body).toBe('now');
  });

  test('large headers, and too large ones', async () => {
    const { ask } = await start((asked, response) => response.end(String(asked.headers['x-large']?.length)));
    expect((await answerTo(ask({ headers: { 'x-large': 'y'.repeat(15_000) } }))).body).toBe('15000');
    const { response } = await answerTo(ask({ headers: { 'x-large': 'y'.repeat(40_000) } }));
    expect(response.statusCode).toBe(431);
  });

  test('an aborted request: the other side learns of it, and the next one is answered', async () => {
    const aborted: Promise<unknown>[] = [];
    const { ask } = await start((asked, response) => {
      if (asked.url === '/fine') response.end('fine');
      else {
        aborted.push(once(response, 'close'));
        response.write('begun');
      }
    });
    const response = await responseTo(ask({ path: '/endless' }).end());
    response.on('error', () => {});
    await once(response, 'data');
    response.destroy();
    await aborted[0];
    expect((await answerTo(ask({ path: '/fine' }))).body).toBe('fine');
  });

  test('an aborted response is an error of the request', async () => {
    const { ask } = await start((_asked, response) => {
      response.write('begun', () => response.destroy());
    });
    await expect(answerTo(ask())).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  test('a request that nobody answers times out', async () => {
    const { ask } = await start(() => {});
    const asking = ask({ timeout: 100 });
    asking.on('error', () => {}).end();
    await once(asking, 'timeout');
    asking.destroy();
  });

  test.each([
    ['headersTimeout', { headersTimeout: 200, requestTimeout: 10_000 }, 'GET / HTTP/1.1\r\nLong: '],
    [
      'requestTimeout',
      { headersTimeout: 200, requestTimeout: 200 },
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n',
    ],
  ])('%s is not pushed out by what goes on arriving', async (_name, limits, beginning) => {
    const { server, port } = await start((asked) => void asked.resume(), {
      ...limits,
      connectionsCheckingInterval: 50,
    });
    const socket = await open(port);
    const begun = performance.now();
    socket.write(beginning);
    const drip = setInterval(() => socket.write('x'), 20);
    socket.on('error', () => {}).once('close', () => clearInterval(drip));
    const [error] = await once(server, 'clientError');
    expect(error).toMatchObject({ code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    expect(performance.now() - begun).toBeGreaterThan(150);
  });

  // Not while the client sends: a server resets a connection that it closes unread, and on Windows the answer is lost with it.
  test('a request that does not come to its end is answered 408', async () => {
    const { port } = await start(() => {}, { headersTimeout: 100, connectionsCheckingInterval: 50 });
    const socket = await open(port);
    socket.write('GET / HTTP/1.1\r\nLong: ');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('keepAliveTimeout ends a connection that nobody uses', async () => {
    const { port } = await start((_asked, response) => response.end('done'), { keepAliveTimeout: 100 });
    const socket = await open(port);
    socket.write(head('/'));
    expect(await text(socket)).toContain('\r\n\r\ndone');
  });
});
