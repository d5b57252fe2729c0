import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs, { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener, ServerResponse } from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import nodeTls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sendReadStreams } from '../../src/files/read-streams.ts';
import * as ours from '../../src/https.ts';
import { issue } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';
import { unless } from '../helpers/unless.ts';

const folder = mkdtempSync(join(tmpdir(), 'ktls-refused-'));
const path = join(folder, 'file.bin');
const content = randomBytes(300_000);
writeFileSync(path, content);
let identity: { cert: string; key: string };
/** Bytes of each stream that went past it. */
const sent: number[] = [];

beforeAll(async () => {
  identity = await issue(undefined);
  sendReadStreams((_path, bytes) => sent.push(bytes));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const servers = new Set<https.Server>();
afterEach(() => {
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
  servers.clear();
  sent.length = 0;
});

/** All that a server of ours sends to one that asks twice and closes; node:https's must be the same. */
async function same(listener: RequestListener): Promise<string> {
  const seen: string[] = [];
  for (const make of [ours.createServer, https.createServer]) {
    const server: https.Server = Reflect.apply(make, undefined, [{ ...identity, ktls: 'off' }, listener]);
    servers.add(server);
    const client = nodeTls.connect({ port: await listen(server), host: '127.0.0.1', rejectUnauthorized: false });
    const chunks: Buffer[] = [];
    client.on('data', (chunk) => chunks.push(chunk)).on('error', () => {});
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await once(client, 'close');
    seen.push(
      Buffer.concat(chunks)
        .toString('latin1')
        .replaceAll(/Date: [^\r]*/g, ''),
    );
  }
  expect(seen[0] === seen[1], `${seen.map((text) => text.slice(0, 300)).join('\n--\n')}`).toBe(true);
  return seen[0] ?? '';
}

const isLast = (url: string | undefined): boolean => url === '/last';
const withLength = (response: ServerResponse, length = content.length) => response.setHeader('content-length', length);

describe('what goes out is what node:https sends', () => {
  const message = 'no\r\nline';
  // There pipe() lets what write() throws end the process.
  const isNode22 = process.versions.node.startsWith('22.');

  unless(isNode22 && 'Node.js 22 does otherwise', test)('headers that cannot be sent', async () => {
    await same((request, response) => {
      if (isLast(request.url)) return response.end('last');
      response.statusMessage = message;
      return createReadStream(path).pipe(withLength(response));
    });
    expect(sent.every((bytes) => bytes === 0)).toBe(true);
  });

  test.each<[string, (response: ServerResponse) => unknown]>([
    [
      'a response that has ended before its file stream has begun',
      (response) => {
        // So much that the socket is not done with it when the file is open.
        const body = Buffer.alloc(20_000_000, 'x');
        createReadStream(path).pipe(withLength(response, body.length).on('error', () => {}));
        response.end(body);
      },
    ],
    [
      'writeHead() that takes the length away',
      (response) => {
        const { writeHead } = response;
        response.writeHead = (...args: unknown[]) => {
          response.removeHeader('content-length');
          return Reflect.apply(writeHead, response, args);
        };
        createReadStream(path).pipe(withLength(response));
      },
    ],
    [
      'writeHead() that makes it a 304',
      (response) => {
        const { writeHead } = response;
        response.writeHead = (_status: unknown, ...args: unknown[]) =>
          Reflect.apply(writeHead, response, [304, ...args]);
        createReadStream(path).pipe(withLength(response));
      },
    ],
    [
      'a folder, of which the application says that it is not there',
      (response) => {
        const stream = createReadStream(folder);
        stream.on('error', () => response.writeHead(404, { 'content-length': 2 }).end('no'));
        stream.pipe(withLength(response));
      },
    ],
    [
      'an empty file',
      (response) => {
        writeFileSync(join(folder, 'empty'), '');
        const stream = createReadStream(join(folder, 'empty'));
        stream.once('end', () => response.writeHead(404, { 'content-length': 2 }).end('no'));
        stream.pipe(withLength(response), { end: false });
      },
    ],
    [
      'a corked response',
      (response) => {
        response.cork();
        createReadStream(path).pipe(withLength(response));
        const before = sent.length;
        const look = (): unknown => (sent.length > before ? response.uncork() : setImmediate(look));
        look();
      },
    ],
    [
      'a stream that changes what it is given',
      (response) => {
        const stream = createReadStream(path);
        const { push } = stream;
        stream.push = (chunk, ...rest) =>
          Reflect.apply(push, stream, [chunk && Buffer.from(chunk).reverse().fill('y', 0, 9), ...rest]);
        stream.pipe(withLength(response));
      },
    ],
    [
      'a socket whose write() is somebody’s own',
      (response) => {
        const { socket } = response;
        if (!socket) throw new Error('there is no socket');
        const { write } = socket;
        socket.write = (...args: unknown[]) => Reflect.apply(write, socket, args);
        createReadStream(path).pipe(withLength(response));
      },
    ],
  ])('%s', async (_, answer) => {
    const seen = await same((request, response) => {
      if (isLast(request.url)) response.end('last');
      else answer(response);
    });
    expect(seen).toMatch(/^HTTP\/1\.1|^$/);
    expect(sent.every((bytes) => bytes === 0)).toBe(true);
  });
});

test('fs.read() that is somebody’s own is asked', async () => {
  const { read } = fs;
  let asked = 0;
  Reflect.set(fs, 'read', (...args: unknown[]) => {
    asked++;
    return Reflect.apply(read, fs, args);
  });
  try {
    await same((request, response) => {
      if (isLast(request.url)) response.end();
      else createReadStream(path).pipe(withLength(response));
    });
  } finally {
    Reflect.set(fs, 'read', read);
  }
  expect(asked).toBeGreaterThan(2);
  expect(sent).toEqual([0, 0]);
});

test('a stream that is destroyed while the client reads nothing ends at once, by its own destroy()', async () => {
  const big = join(folder, 'big');
  writeFileSync(big, Buffer.alloc(64_000_000));
  const told: string[] = [];
  let onClose = (): void => {};
  const closed = new Promise<void>((resolve) => {
    onClose = resolve;
  });
  const server = ours.createServer({ ...identity, ktls: 'off' }, (_request, response) => {
    withLength(response, 64_000_000);
    const stream = createReadStream(big);
    const destroy = stream._destroy;
    stream._destroy = (error, done) => {
      told.push('own destroy');
      Reflect.apply(destroy, stream, [error, done]);
    };
    stream.on('error', (error) => told.push(error.message)).on('close', () => onClose());
    stream.pipe(response);
    // The client's window is full once nothing more is taken.
    const look = (before: number): void => {
      const now = response.socket?.bytesWritten ?? 0;
      if (now > 0 && now === before) stream.destroy(new Error('too slow'));
      else setTimeout(look, 100, now);
    };
    look(-1);
  });
  servers.add(server);
  const client = nodeTls.connect({ port: await listen(server), host: '127.0.0.1', rejectUnauthorized: false });
  await once(client, 'secureConnect');
  client.pause().write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await closed;
  expect(told).toEqual(['own destroy', 'too slow']);
  client.destroy();
});
