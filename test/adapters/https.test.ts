import { once } from 'node:events';
import http from 'node:http';
import nodeHttps from 'node:https';
import { PassThrough } from 'node:stream';
import { beforeAll, describe, expect, test } from 'vitest';
import https, { Agent, createServer, Server } from '../../src/https.ts';
import * as ktls from '../../src/index.ts';
import { captureTo, decrypt } from '../../src/keys.ts';
import type { KtlsOptions } from '../../src/socket/ktls-options.ts';
import { type Authority, type Identity, issue, makeAuthority } from '../helpers/certificates.ts';
import { afterTest, answerTo, serve } from './web.ts';

let authority: Authority;
let identity: Identity;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
});

const trusting = () => ({ host: 'localhost', ca: authority.cert });

async function agentFor(options: ConstructorParameters<typeof Agent>[0] = {}): Promise<Agent> {
  const agent = new Agent(options);
  afterTest(() => agent.destroy());
  return agent;
}

/** How a request's connection was made. */
function about(request: http.IncomingMessage, response: http.ServerResponse): void {
  const { socket } = request;
  if (!(socket instanceof ktls.TLSSocket)) throw new Error('the server is not ours');
  response.end(JSON.stringify({ resumed: socket.isSessionReused(), port: socket.remotePort, name: socket.servername }));
}

describe('the server', () => {
  test('is node:https’s, and its sockets are ours', async () => {
    const server = createServer({ ...identity }, about);
    expect(server).toBeInstanceOf(nodeHttps.Server);
    expect(server).toBeInstanceOf(Server);
    expect(server.requestTimeout).toBe(300_000);
    const port = await serve(server);
    const { body } = await answerTo(nodeHttps.request({ ...trusting(), port, agent: false }));
    expect(JSON.parse(body)).toMatchObject({ resumed: false, name: 'localhost' });
  });

  test('takes http’s options: classes of its own, limits of headers', async () => {
    class Request extends http.IncomingMessage {
      readonly mine = true;
    }
    const options = { ...identity, IncomingMessage: Request, maxHeaderSize: 2000 };
    const server = new https.Server(options, (request, response) => response.end(String('mine' in request)));
    const port = await serve(server);
    const { body } = await answerTo(https.request({ ...trusting(), port }));
    expect(body).toBe('true');
    const { response } = await answerTo(https.request({ ...trusting(), port, headers: { long: 'x'.repeat(3000) } }));
    expect(response.statusCode).toBe(431);
  });

  test('speaks http/1.1 by ALPN, and has contexts by name', async () => {
    const other = await issue(authority, { names: ['other.example'] });
    const server = createServer({ ...identity }, about);
    server.addContext('*.example', other);
    const port = await serve(server);
    const socket = ktls.connect({ port, ca: authority.cert, servername: 'other.example', ALPNProtocols: ['http/1.1'] });
    afterTest(() => socket.destroy());
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe('http/1.1');
    expect(socket.authorized).toBe(true);
  });

  test('a client that is no TLS client is a clientError', async () => {
    const server = createServer({ ...identity }, about);
    const told = once(server, 'clientError');
    const port = await serve(server);
    http.get({ port, host: 'localhost' }).on('error', () => {});
    const [error] = await told;
    expect(error).toMatchObject({ code: 'ERR_SSL_HTTP_REQUEST' });
  });

  test('the option ktls is looked at', () => {
    // @ts-expect-error: 'on' is no mode
    expect(() => createServer({ ...identity, ktls: 'on' })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    );
  });
});

describe('requests', () => {
  test('have a global agent, which keeps connections', async () => {
    const port = await serve(createServer({ ...identity }, about));
    afterTest(() => https.globalAgent.destroy());
    const first = await answerTo(https.get({ ...trusting(), port }));
    const second = await answerTo(https.get(`https://localhost:${port}/`, { ca: authority.cert }));
    expect(JSON.parse(second.body)).toEqual(JSON.parse(first.body));
    expect(second.socket).toBeInstanceOf(ktls.TLSSocket);
    expect(Object.keys(https.globalAgent.options)).toEqual(Object.keys(nodeHttps.globalAgent.options));
  });

  test.each([
    [
      'a string',
      (port: number, seen: (response: http.IncomingMessage) => void) =>
        https.get(`https://localhost:${port}/`, { ca: authority.cert }, seen),
    ],
    [
      'a URL',
      (port: number, seen: (response: http.IncomingMessage) => void) =>
        https.get(new URL(`https://localhost:${port}/`), { ca: authority.cert }, seen),
    ],
    [
      'options',
      (port: number, seen: (response: http.IncomingMessage) => void) => https.get({ ...trusting(), port }, seen),
    ],
  ])('by %s', async (_how, get) => {
    const port = await serve(createServer({ ...identity }, about));
    afterTest(() => https.globalAgent.destroy());
    const response = await new Promise<http.IncomingMessage>((resolve, reject) =>
      get(port, resolve).on('error', reject),
    );
    expect(response.socket).toBeInstanceOf(ktls.TLSSocket);
    response.resume();
    await once(response, 'end');
  });

  test('agent: false is a connection for one request', async () => {
    const port = await serve(createServer({ ...identity }, about));
    const request = https.get({ ...trusting(), port, agent: false });
    const { response } = await answerTo(request);
    expect(response.socket).toBeInstanceOf(ktls.TLSSocket);
    expect(response.headers.connection).toBe('close');
  });

  test('another global agent may take its place', async () => {
    const port = await serve(createServer({ ...identity }, about));
    const { globalAgent } = https;
    const mine = await agentFor({ ca: authority.cert, keepAlive: true });
    https.globalAgent = mine;
    afterTest(() => {
      https.globalAgent = globalAgent;
    });
    await answerTo(https.get({ port, host: 'localhost' }));
    expect(Object.values(mine.freeSockets).flat()).toHaveLength(1);
  });

  test('a server without a trusted certificate is an error of the request', async () => {
    const port = await serve(createServer({ ...identity }, about));
    const request = https.get({ host: 'localhost', port, agent: await agentFor() });
    await expect(answerTo(request)).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });
});

describe('an agent', () => {
  async function ask(agent: Agent, port: number, options: Parameters<typeof https.get>[1] = {}) {
    const { body } = await answerTo(https.get(`https://localhost:${port}`, { ca: authority.cert, agent, ...options }));
    return JSON.parse(body);
  }

  test('resumes sessions on new connections, each under its name', async () => {
    const port = await serve(createServer({ ...identity }, about));
    const agent = await agentFor();
    expect(await ask(agent, port)).toMatchObject({ resumed: false });
    expect(await ask(agent, port)).toMatchObject({ resumed: true });
    expect(await ask(agent, port, { minVersion: 'TLSv1.3' })).toMatchObject({ resumed: false });
  });

  test('without a cache resumes none', async () => {
    const port = await serve(createServer({ ...identity }, about));
    const agent = await agentFor({ maxCachedSessions: 0 });
    await ask(agent, port);
    expect(await ask(agent, port)).toMatchObject({ resumed: false });
  });

  test('what one request thinks of its server does not count for another', async () => {
    const port = await serve(createServer({ ...identity }, about));
    const agent = await agentFor({ keepAlive: true });
    const lenient = { checkServerIdentity: () => undefined, servername: 'somebody.else' };
    expect(await ask(agent, port, lenient)).toMatchObject({ name: 'somebody.else' });
    expect(Object.values(agent.freeSockets).flat()).toEqual([]);
    await expect(ask(agent, port, { servername: 'somebody.else' })).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  test('keeps connections with different options of ours apart', async () => {
    const port = await serve(createServer({ ...identity }, about));
    const agent = await agentFor({ keepAlive: true });
    const layer = async (portableLayer: 'native' | 'wasm') => {
      const request = https.get({ ...trusting(), port, agent, ktls: 'off', portableLayer });
      const { socket } = await answerTo(request);
      return socket instanceof ktls.TLSSocket ? socket.recordLayer.read : 'none';
    };
    expect([await layer('native'), await layer('wasm'), await layer('native')]).toEqual(['native', 'wasm', 'native']);
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(2);
  });

  /** Of each option of ours, values of which no two may share a connection. */
  const different: Readonly<Record<keyof KtlsOptions, readonly unknown[]>> = {
    ktls: ['off', 'prefer', { write: 'off' }, { read: 'off' }, { write: 'off', read: 'off' }, { withoutRekey: true }],
    portableLayer: ['native', 'wasm'],
    requireCloseNotify: [true, false],
    exportKeys: [true, false],
    capture: [captureTo(new PassThrough()), captureTo(new PassThrough())],
    ech: [
      { grease: true },
      { configs: 'AA==' },
      { configs: Buffer.alloc(1) },
      { configs: 'AA==', outerServerName: 'a' },
    ],
    handshakeThreads: [0, 1],
  };

  test('has a name of its own for each value of each of our options, and node’s without any', async () => {
    const agent = await agentFor();
    const name = (options: object): string => agent.getName({ host: 'a.example', port: 1, ...options });
    expect(name({})).toBe(new nodeHttps.Agent().getName({ host: 'a.example', port: 1 }));
    const options = Object.entries(different).flatMap(([option, values]) =>
      values.map((value) => ({ [option]: value })),
    );
    const names = [{}, ...options].map(name);
    expect(new Set(names).size).toBe(names.length);
    expect([{}, ...options].map(name)).toEqual(names);
    expect(name({ ktls: { read: 'off', write: 'off' } })).toBe(name({ ktls: { write: 'off', read: 'off' } }));
  });

  test('does not put one request’s plaintext and secrets into the capture of another', async () => {
    const port = await serve(createServer({ ...identity }, (request, response) => response.end(request.url)));
    const agent = await agentFor({ keepAlive: true });
    const [stream, other] = [new PassThrough(), new PassThrough()];
    const [capture, second] = [captureTo(stream), captureTo(other)];
    const get = (path: string, options: object) =>
      answerTo(https.get({ ...trusting(), port, agent, path, ...options }));
    const sockets = [
      await get('/captured', { capture }),
      await get('/secret', {}),
      await get('/elsewhere', { capture: second }),
      await get('/again', { capture }),
    ].map(({ socket }) => socket);
    expect([new Set(sockets).size, sockets[0] === sockets[3]]).toEqual([3, true]);
    agent.destroy();
    const file = stream.toArray();
    other.resume();
    await Promise.all([capture.close(), second.close()]);
    const { conversations } = await decrypt(Buffer.concat(await file));
    const said = conversations
      .flatMap(({ records }) => records)
      .map(({ plaintext = [] }) => Buffer.from(plaintext).toString('latin1'))
      .join('');
    expect(said.match(/GET \/\w+/g)).toEqual(['GET /captured', 'GET /again']);
  });
});
