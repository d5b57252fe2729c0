import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import * as ktls from '../../src/index.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { ours } from './implementations.ts';
import { owned, readAll, serve } from './scenario.ts';

let identities: Identities;

beforeAll(async () => {
  identities = await makeIdentities();
});

describe.each(ours)('HTTP over $name', (implementation) => {
  const { layer } = implementation;

  /** node's HTTP server on our sockets. How many there were is the second answer. */
  async function serveHttp(
    listener: http.RequestListener,
  ): Promise<{ web: http.Server; port: number; count: () => number }> {
    const web = http.createServer(listener);
    let connections = 0;
    const { port } = await serve(implementation, identities.server, (socket) => {
      connections++;
      web.emit('connection', socket);
    });
    return { web, port, count: () => connections };
  }

  const trusting = (port: number): ktls.ConnectOptions => ({
    ...{ host: '127.0.0.1', port, servername: 'localhost', ca: identities.authority.cert },
    ...{ ktls: 'off', portableLayer: layer },
  });

  /** node's HTTP client on our sockets. */
  function agent(port: number, options: http.AgentOptions = {}): http.Agent {
    const made = new http.Agent(options);
    Object.assign(made, { createConnection: (): Duplex => owned(ktls.connect(trusting(port))) });
    return made;
  }

  async function request(
    options: http.RequestOptions,
    body?: string | Buffer,
  ): Promise<{ response: http.IncomingMessage; text: string }> {
    const sent = http.request({ host: 'localhost', ...options });
    sent.end(body);
    const [response]: http.IncomingMessage[] = await once(sent, 'response');
    if (!response) throw new Error('there was no response');
    let text = '';
    for await (const chunk of response.setEncoding('latin1')) text += chunk;
    return { response, text };
  }

  it('keep-alive: many requests on one connection', async () => {
    const { port, count } = await serveHttp((asked, response) => response.end(asked.url));
    const kept = agent(port, { keepAlive: true, maxSockets: 1 });
    for (const path of ['/1', '/2', '/3']) expect((await request({ agent: kept, path })).text).toBe(path);
    expect(count()).toBe(1);
    kept.destroy();
  });

  it('pipelining: requests in one write are answered in order', async () => {
    const { port } = await serveHttp((asked, response) => response.end(`<${asked.url}>`));
    const client = owned(ktls.connect(trusting(port)));
    const one = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
    client.write(one('/a') + one('/b') + one('/c', 'Connection: close\r\n'));
    expect((await readAll(client)).toString().match(/<[^>]+>/g)).toEqual(['</a>', '</b>', '</c>']);
  });

  it('chunked bodies both ways', async () => {
    const { port } = await serveHttp((asked, response) => void asked.pipe(response));
    const body = 'x'.repeat(300_000);
    const { response, text } = await request(
      { agent: agent(port), method: 'POST', headers: { 'transfer-encoding': 'chunked' } },
      body,
    );
    expect(response.headers['transfer-encoding']).toBe('chunked');
    expect(text).toBe(body);
  });

  it('Expect: 100-continue', async () => {
    const { port } = await serveHttp((asked, response) => void asked.pipe(response));
    const sent = http.request({
      host: 'localhost',
      agent: agent(port),
      method: 'PUT',
      headers: { expect: '100-continue' },
    });
    sent.flushHeaders();
    await once(sent, 'continue');
    sent.end('now');
    const [response] = await once(sent, 'response');
    expect((await readAll(response)).toString()).toBe('now');
  });

  it('Upgrade: the connection becomes the application’s', async () => {
    const { web, port } = await serveHttp(() => {});
    web.on('upgrade', (_, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    });
    const headers = { connection: 'Upgrade', upgrade: 'echo' };
    const sent = http.request({ host: 'localhost', agent: agent(port), headers });
    sent.end();
    const [, socket] = await once(sent, 'upgrade');
    expect(socket).toBeInstanceOf(ktls.TLSSocket);
    socket.end('echoed');
    expect((await readAll(socket)).toString()).toBe('echoed');
  });

  it('large headers', async () => {
    const { port } = await serveHttp((asked, response) => response.end(String(asked.headers['x-large']?.length)));
    expect((await request({ agent: agent(port), headers: { 'x-large': 'y'.repeat(12_000) } })).text).toBe('12000');
    const { response } = await request({ agent: agent(port), headers: { 'x-large': 'y'.repeat(40_000) } });
    expect(response.statusCode).toBe(431);
  });

  it('aborted requests: the server learns of it, and goes on', async () => {
    const { port } = await serveHttp((asked, response) => {
      if (asked.url === '/fine') response.end('fine');
      else response.write('begun');
    });
    const sent = http.request({ host: 'localhost', agent: agent(port), path: '/endless' });
    sent.end();
    const [response] = await once(sent, 'response');
    await once(response, 'data');
    sent.destroy();
    expect((await request({ agent: agent(port), path: '/fine' })).text).toBe('fine');
  });

  it('a timeout of a request that is never answered', async () => {
    const { port } = await serveHttp(() => {});
    const sent = http.request({ host: 'localhost', agent: agent(port), timeout: 100 });
    sent.end();
    await once(sent, 'timeout');
    sent.on('error', () => {}).destroy();
  });

  it('node’s https client', async () => {
    const { port } = await serveHttp((asked, response) => response.end(asked.headers.host));
    const options = { host: '127.0.0.1', port, servername: 'localhost', ca: identities.authority.cert };
    const [response] = await once(https.get({ ...options, agent: false }), 'response');
    expect((await readAll(response)).toString()).toBe(`127.0.0.1:${port}`);
  });

  it('our client with node’s https server', async () => {
    const { cert, key } = identities.server;
    const web = https.createServer({ cert, key }, (_, response) => response.end('hello'));
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const address = web.address();
    const port = address && typeof address === 'object' ? address.port : 0;
    expect((await request({ agent: agent(port) })).text).toBe('hello');
    web.close();
  });
});
