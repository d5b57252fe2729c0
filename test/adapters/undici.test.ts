import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { Agent, fetch, request } from 'undici';
import { beforeAll, describe, expect, test } from 'vitest';
import http2 from '../../src/http2.ts';
import https from '../../src/https.ts';
import { TLSSocket } from '../../src/index.ts';
import { buildConnector, type ConnectorOptions } from '../../src/undici.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { afterTest, serve } from './web.ts';

let authority: Authority;
let identity: Identity;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
});

/** An agent whose connections are ours, and these connections. */
function agent(options: ConnectorOptions = {}, agentOptions: Agent.Options = {}) {
  const sockets: net.Socket[] = [];
  const connector = buildConnector({ ca: authority.cert, ...options });
  const dispatcher = new Agent({
    ...agentOptions,
    connect: (origin, callback) => {
      sockets.push(connector(origin, callback));
    },
  });
  afterTest(() => dispatcher.destroy());
  return { dispatcher, sockets };
}

const answering = (): Promise<number> =>
  serve(
    https.createServer({ ...identity }, (request, response) => {
      const { socket } = request;
      response.end(String(socket instanceof TLSSocket && socket.isSessionReused()));
    }),
  );

describe('a connector for undici', () => {
  test('fetch, and a second time on the same connection', async () => {
    const port = await answering();
    const { dispatcher, sockets } = agent({}, { connections: 1 });
    for (const _time of [1, 2]) {
      const response = await fetch(`https://localhost:${port}`, { dispatcher });
      expect(await response.text()).toBe('false');
    }
    expect(sockets).toEqual([expect.any(TLSSocket)]);
  });

  test('resumes its sessions', async () => {
    const port = await answering();
    const { dispatcher } = agent({}, { pipelining: 0 });
    const ask = async () => (await request(`https://localhost:${port}`, { dispatcher, reset: true })).body.text();
    expect(await ask()).toBe('false');
    expect(await ask()).toBe('true');
  });

  test('HTTP/2, where it is allowed', async () => {
    const server = http2.createSecureServer({ ...identity, allowHTTP1: true }, (asked, response) => {
      response.end(asked.httpVersion);
    });
    server.on('session', (session) => afterTest(() => session.destroy()));
    const port = await serve(server);
    const ask = async (allowH2: boolean) => {
      const { dispatcher } = agent({ allowH2 }, { allowH2 });
      return (await request(`https://localhost:${port}`, { dispatcher })).body.text();
    };
    expect([await ask(true), await ask(false)]).toEqual(['2.0', '1.1']);
  });

  test('clear text for http:', async () => {
    const port = await serve(http.createServer((_request, response) => response.end('clear')));
    const { dispatcher } = agent();
    expect(await (await fetch(`http://localhost:${port}`, { dispatcher })).text()).toBe('clear');
  });

  test('refuses a server that is not trusted', async () => {
    const port = await answering();
    const { dispatcher } = agent({ ca: (await makeAuthority()).cert });
    await expect(request(`https://localhost:${port}`, { dispatcher })).rejects.toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    });
  });

  test('gives up at a fixed time, however slowly the server goes on', async () => {
    // A record of 1,000 bytes is announced, and comes byte by byte.
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.write(Buffer.from([22, 3, 3, 3, 232]));
      const drip = setInterval(() => socket.write(Buffer.from([2])), 20);
      socket.once('close', () => clearInterval(drip));
    });
    const port = await serve(server);
    const { dispatcher, sockets } = agent({ timeout: 200 });
    const start = performance.now();
    await expect(request(`https://localhost:${port}`, { dispatcher })).rejects.toMatchObject({
      code: 'UND_ERR_CONNECT_TIMEOUT',
    });
    expect(performance.now() - start).toBeGreaterThan(190);
    const [socket] = sockets;
    if (socket && !socket.closed) await once(socket, 'close');
    expect(socket?.bytesRead).toBe(0);
  });
});
