import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nodeTls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as ourHttp2 from '../../src/http2.ts';
import * as ours from '../../src/https.ts';
import type { SendFileOptions } from '../../src/index.ts';
import { issue } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-files-'));
const path = join(folder, 'file');
const content = randomBytes(1_500_000);
writeFileSync(path, content);
writeFileSync(join(folder, 'empty'), '');
let identity: { cert: string; key: string };
beforeAll(async () => {
  identity = await issue(undefined);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const servers = new Set<http.Server>();
afterEach(() => {
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
  servers.clear();
});

/** Who carries the response: our sockets, where files go by sendFile; others, where they are read. */
const carriers: Readonly<Record<string, (listener: RequestListener) => http.Server>> = {
  'ktls/https, native': (listener) => ours.createServer({ ...identity, ktls: 'off' }, listener),
  'ktls/https, wasm': (listener) => ours.createServer({ ...identity, ktls: 'off', portableLayer: 'wasm' }, listener),
  'node:https': (listener) => https.createServer(identity, listener),
  'node:http': (listener) => http.createServer(listener),
};

describe.each(Object.keys(carriers))('sendFile of a response, %s', (name) => {
  async function serve(listener: RequestListener): Promise<{ port: number; isPlain: boolean }> {
    const server = carriers[name]?.(listener) ?? http.createServer(listener);
    servers.add(server);
    return { port: await listen(server), isPlain: name === 'node:http' };
  }

  async function get(
    { port, isPlain }: { port: number; isPlain: boolean },
    options: https.RequestOptions = {},
  ): Promise<{ response: IncomingMessage; body: Buffer }> {
    const request = (isPlain ? http : https).request({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ...options,
    });
    request.end();
    const [response] = await once(request, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return { response, body: Buffer.concat(chunks) };
  }

  /** Answers every request with the file, and what came of it. */
  async function serveFile(
    file: Parameters<typeof ours.sendFile>[1],
    options: SendFileOptions = {},
    prepare: (response: ServerResponse) => void = () => {},
  ) {
    const told: unknown[] = [];
    const at = await serve((_request, response) => {
      prepare(response);
      response.once('finish', () => told.push('finish'));
      ours.sendFile(response, file, options).then(
        (sent) => told.push(sent),
        (error) => {
          told.push(error.code, response.headersSent);
          if (!response.headersSent) response.writeHead(404).end('none');
        },
      );
    });
    return { ...at, told };
  }

  test('all of it, with its length, again on the same connection', async () => {
    const at = await serveFile(path);
    const agent = new (at.isPlain ? http : https).Agent({ keepAlive: true, maxSockets: 1 });
    for (let time = 0; time < 3; time++) {
      const { response, body } = await get(at, { agent });
      expect(response.headers['content-length']).toBe(String(content.length));
      expect(body.equals(content)).toBe(true);
    }
    agent.destroy();
    await expect.poll(() => at.told).toEqual([1, 2, 3].flatMap(() => ['finish', content.length]));
  });

  test('a part, by a handle that stays open, with strictContentLength', async () => {
    const handle = await open(path);
    const at = await serveFile(handle, { start: 1000, length: 50_000 }, (response) => {
      response.strictContentLength = true;
      response.statusCode = 206;
    });
    const { response, body } = await get(at);
    expect([response.statusCode, response.headers['content-length']]).toEqual([206, '50000']);
    expect(body.equals(content.subarray(1000, 51_000))).toBe(true);
    expect((await handle.stat()).size).toBe(content.length);
    await handle.close();
    await expect.poll(() => at.told).toEqual(['finish', 50_000]);
  });

  test('HEAD has the headers alone; an empty file is an empty body', async () => {
    const at = await serveFile(path);
    const { response, body } = await get(at, { method: 'HEAD' });
    expect([response.headers['content-length'], body.length]).toEqual([String(content.length), 0]);
    await expect.poll(() => at.told).toEqual(['finish', 0]);
    const empty = await get(await serveFile(join(folder, 'empty')));
    expect([empty.response.headers['content-length'], empty.body.length]).toEqual(['0', 0]);
  });

  test.each<[string, string, SendFileOptions, string]>([
    ['no file', join(folder, 'none'), {}, 'ENOENT'],
    ['a folder', folder, {}, 'EISDIR'],
    ['a part that is not there', path, { start: 10, length: 2_000_000 }, 'ERR_KTLS_FILE_TOO_SHORT'],
  ])('%s: nothing was sent, and the response can say so', async (_, file, options, code) => {
    const at = await serveFile(file, options);
    const { response, body } = await get(at);
    expect([response.statusCode, String(body)]).toEqual([404, 'none']);
    expect(at.told.slice(0, 2)).toEqual([code, false]);
  });

  test('chunked, where the application wants it', async () => {
    const at = await serveFile(path, {}, (response) => response.setHeader('transfer-encoding', 'chunked'));
    const { response, body } = await get(at);
    expect(response.headers['content-length']).toBeUndefined();
    expect(body.equals(content)).toBe(true);
  });

  test('hooks that make other headers of them, as compression does, or a write() of its own', async () => {
    const hook = (response: ServerResponse, change: () => void): void => {
      const { writeHead } = response;
      response.writeHead = (...args: unknown[]) => {
        change();
        return Reflect.apply(writeHead, response, args);
      };
    };
    const changes: ((response: ServerResponse) => void)[] = [
      (response) => hook(response, () => response.removeHeader('content-length')),
      (response) => {
        const { write } = response;
        response.write = (...args: unknown[]) => Reflect.apply(write, response, args);
        hook(response, () => response.removeHeader('content-length'));
      },
      (response) => response.cork(),
    ];
    for (const change of changes) {
      const { body } = await get(await serveFile(path, {}, change));
      expect(body.equals(content)).toBe(true);
    }
    const notModified = (response: ServerResponse): void => {
      const { writeHead } = response;
      response.writeHead = () => Reflect.apply(writeHead, response, [304]);
    };
    const { response, body } = await get(await serveFile(path, {}, notModified));
    expect([response.statusCode, body.length]).toEqual([304, 0]);
  });

  test('two files for one response: the second is refused, and a longer one than the headers say', async () => {
    const told: unknown[] = [];
    const at = await serve(async (_request, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      const one = ours.sendFile(response, path, { length: 2000 });
      const two = ours.sendFile(response, path, { length: 1000 });
      for (const result of await Promise.allSettled([one, two])) told.push(Reflect.get(result, 'reason')?.code);
      response.destroy();
    });
    await get(at).catch(() => {});
    await expect.poll(() => told).toEqual(['ERR_HTTP_CONTENT_LENGTH_MISMATCH', 'ERR_STREAM_WRITE_AFTER_END']);
  });

  test('a client that goes away is a rejection', async () => {
    let settle: (outcome: unknown) => void = () => {};
    const outcome = new Promise((resolve) => {
      settle = resolve;
    });
    const at = await serve((_request, response) => {
      const large = Array.from({ length: 40 }, () => content);
      const file = join(folder, 'large');
      writeFileSync(file, Buffer.concat(large));
      ours.sendFile(response, file).then(settle, settle);
    });
    const request = (at.isPlain ? http : https).get({ port: at.port, host: '127.0.0.1', rejectUnauthorized: false });
    request.on('error', () => {});
    const [response] = await once(request, 'response');
    await once(response, 'readable');
    request.destroy();
    expect(await outcome).toBeInstanceOf(Error);
  });

  test('aborted before: nothing was sent', async () => {
    const at = await serveFile(path, { signal: AbortSignal.abort() });
    expect((await get(at)).response.statusCode).toBe(404);
  });

  test('requests that come behind each other are answered in their order', async () => {
    const at = await serve((request, response) => {
      const number = Number(request.url?.slice(1));
      ours.sendFile(response, path, { start: number * 1000, length: 100_000 }).catch(() => response.destroy());
    });
    const socket: net.Socket = at.isPlain
      ? (await import('node:net')).connect(at.port, '127.0.0.1')
      : nodeTls.connect({ port: at.port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.write(
      [0, 1, 2]
        .map((number) => `GET /${number} HTTP/1.1\r\nHost: a\r\n${number === 2 ? 'Connection: close\r\n' : ''}\r\n`)
        .join(''),
    );
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    const all = Buffer.concat(chunks);
    let at2 = 0;
    for (const number of [0, 1, 2]) {
      const start = all.indexOf('\r\n\r\n', at2) + 4;
      expect(
        all.subarray(start, start + 100_000).equals(content.subarray(number * 1000, number * 1000 + 100_000)),
      ).toBe(true);
      at2 = start + 100_000;
    }
    expect(at2).toBe(all.length);
  });
});

describe.each(['ktls/http2', 'node:http2'] as const)('sendFile over HTTP/2, %s', (name) => {
  test.each(['response', 'stream'] as const)('of a %s', async (what) => {
    const server = name === 'ktls/http2' ? ourHttp2.createSecureServer(identity) : http2.createSecureServer(identity);
    const told: unknown[] = [];
    if (what === 'response') {
      server.on('request', (_request, response) => {
        response.setHeader('content-type', 'text/plain');
        ours.sendFile(response, path, { start: 5 }).then((sent) => told.push(sent));
      });
    } else {
      server.on('stream', (stream) => void ours.sendFile(stream, path, { start: 5 }).then((sent) => told.push(sent)));
    }
    const port = await listen(server);
    const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    const request = session.request({ ':path': '/' });
    const [headers] = await once(request, 'response');
    expect(headers['content-length']).toBe(String(content.length - 5));
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(content.subarray(5))).toBe(true);
    await expect.poll(() => told).toEqual([content.length - 5]);
    session.close();
    server.close();
  });
});
