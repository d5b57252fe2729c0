import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs, { createReadStream, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { RequestListener, ServerResponse } from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, pipeline } from 'node:stream';
import { pipeline as piped } from 'node:stream/promises';
import nodeTls from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FileRefusal } from '../../src/files/file-decision.ts';
import { sendReadStreams } from '../../src/files/read-streams.ts';
import * as ours from '../../src/https.ts';
import tls from '../../src/index.ts';
import { issue } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';

/** It has no declarations. */
const express: (() => RequestListener & { use(handler: unknown): void }) & { static(folder: string): unknown } =
  createRequire(import.meta.url)('express');

const folder = mkdtempSync(join(tmpdir(), 'ktls-read-streams-'));
const path = join(folder, 'file.bin');
const content = randomBytes(3_000_000);
writeFileSync(path, content);
let identity: { cert: string; key: string };
/** What was told of each stream. */
const told: { sent: number; refusal: FileRefusal | undefined }[] = [];

beforeAll(async () => {
  identity = await issue(undefined);
  sendReadStreams((_path, sent, refusal) => told.push({ sent, refusal }));
});
beforeEach(() => {
  told.length = 0;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const servers = new Set<https.Server>();
afterEach(() => {
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
  servers.clear();
});

/** What a client of a server with that listener gets: of ours, and of node:https, where files are read. */
async function both(listener: RequestListener, options: https.RequestOptions = {}) {
  const seen = [];
  for (const make of [ours.createServer, https.createServer]) {
    const server: https.Server = Reflect.apply(make, undefined, [{ ...identity, ktls: 'off' }, listener]);
    servers.add(server);
    const port = await listen(server);
    const request = https.request({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    request.end();
    const [response] = await once(request, 'response');
    const chunks: Buffer[] = [];
    let end = 'end';
    try {
      for await (const chunk of response) chunks.push(chunk);
    } catch {
      end = 'aborted';
    }
    seen.push({ headers: { ...response.headers, date: '' }, body: Buffer.concat(chunks), end });
  }
  const [one, other] = seen;
  if (!one || !other) throw new Error('nothing was seen');
  expect({ ...one, body: one.body.length }).toEqual({ ...other, body: other.body.length });
  expect(one.body.equals(other.body)).toBe(true);
  return one;
}

const withLength = (response: ServerResponse, length: number) => response.setHeader('content-length', length);

describe('a file stream into a response', () => {
  test.each<[string, (stream: fs.ReadStream, response: ServerResponse) => unknown]>([
    ['pipe()', (stream, response) => stream.pipe(response)],
    ['pipeline()', (stream, response) => pipeline(stream, response, () => {})],
    ['promises.pipeline()', (stream, response) => piped(stream, response)],
  ])('%s: the file is sent, and the stream seems to have been read', async (_, connect) => {
    const events: unknown[][] = [];
    const { body } = await both((_request, response) => {
      withLength(response, content.length);
      const stream = createReadStream(path);
      const list: unknown[] = [];
      events.push(list);
      for (const event of ['open', 'ready', 'end', 'close']) {
        stream.on(event, () => list.push(event === 'close' ? [event, stream.bytesRead, stream.destroyed] : event));
      }
      response
        .on('pipe', () => list.push('pipe'))
        .on('unpipe', () => list.push('unpipe'))
        .on('finish', () => list.push('finish'));
      connect(stream, response);
    });
    expect(body.equals(content)).toBe(true);
    await expect.poll(() => events.every((list) => list.length === events[1]?.length)).toBe(true);
    expect([...(events[0] ?? [])].sort()).toEqual([...(events[1] ?? [])].sort());
    expect(told[0]).toEqual({ sent: content.length, refusal: undefined });
    expect(told[1]).toMatchObject({
      sent: 0,
      refusal: { refused: expect.stringMatching(/not on a socket of this library/) },
    });
  });

  test('a part; by a descriptor; by a handle', async () => {
    const part = { start: 1000, end: 1_999_999 };
    for (const make of [
      () => createReadStream(path, part),
      () => createReadStream('', { fd: fs.openSync(path, 'r'), ...part }),
      async () => (await open(path)).createReadStream(part),
    ]) {
      const { body } = await both(async (_request, response) => {
        withLength(response, 1_999_000);
        (await make()).pipe(response);
      });
      expect(body.equals(content.subarray(1000, 2_000_000))).toBe(true);
      expect(told.at(-2)).toEqual({ sent: 1_999_000, refusal: undefined });
    }
  });

  test('between writes, and where the stream does not end the response', async () => {
    const { body } = await both((_request, response) => {
      withLength(response, content.length + 11);
      response.write('before');
      const stream = createReadStream(path);
      stream.pipe(response, { end: false });
      stream.once('end', () => response.end('after'));
    });
    expect(body.equals(Buffer.concat([Buffer.from('before'), content, Buffer.from('after')]))).toBe(true);
    expect(told[0]?.sent).toBe(content.length);
  });

  test.each<[string, RegExp, (stream: fs.ReadStream, response: ServerResponse) => void]>([
    ['without a length', /length of the response is not known/, (stream, response) => stream.pipe(response)],
    [
      'with a transform between',
      /neither a response nor a socket/,
      (stream, response) => stream.pipe(new PassThrough()).pipe(withLength(response, content.length)),
    ],
    [
      'where somebody else listens, too',
      /more than one reads/,
      (stream, response) => stream.on('data', () => {}).pipe(withLength(response, content.length)),
    ],
    [
      'where write() is somebody’s own',
      /watches what is written/,
      (stream, response) => {
        const write = response.write.bind(response);
        Reflect.set(response, 'write', (...args: unknown[]) => Reflect.apply(write, undefined, args));
        stream.pipe(withLength(response, content.length));
      },
    ],
    [
      'with another node:fs',
      /not read by node:fs itself/,
      (_, response) => createReadStream(path, { fs: { ...fs } }).pipe(withLength(response, content.length)),
    ],
  ])('%s it is read', async (_, reason, connect) => {
    const { body } = await both((_request, response) => connect(createReadStream(path), response));
    expect(body.equals(content)).toBe(true);
    expect(told.some(({ sent, refusal }) => sent === 0 && reason.test(refusal?.refused ?? ''))).toBe(true);
  });

  test('a file that shrinks, or is longer than the response', async () => {
    const changing = join(folder, 'changing');
    const grown = await both((_request, response) => {
      writeFileSync(changing, content);
      withLength(response, 1_500_000);
      createReadStream(changing, { end: 1_499_999 }).pipe(response);
    });
    expect(grown.body.length).toBe(1_500_000);
    const shrunk = await both((_request, response) => {
      writeFileSync(changing, content);
      withLength(response, content.length);
      const stream = createReadStream(changing);
      stream.once('open', () => truncateSync(changing, 500_000));
      stream.once('end', () => response.destroy());
      stream.pipe(response, { end: false });
    });
    expect([shrunk.body.length, shrunk.end]).toEqual([500_000, 'aborted']);
  });

  test('a stream or a response that is destroyed closes the file', async () => {
    const closed: Promise<unknown>[] = [];
    const seen = await both((_request, response) => {
      withLength(response, content.length);
      const stream = createReadStream(path);
      closed.push(once(stream, 'close'));
      stream.pipe(response);
      response.once('close', () => stream.destroy());
      setImmediate(() => response.destroy());
    }).catch((error) => error);
    expect(seen instanceof Error || seen.end === 'aborted').toBe(true);
    await Promise.all(closed);
  });

  test('express.static', async () => {
    const app = express();
    app.use(express.static(folder));
    const { body, headers } = await both(app, { path: '/file.bin' });
    expect(body.equals(content)).toBe(true);
    expect(headers['content-length']).toBe(String(content.length));
    expect(told[0]).toEqual({ sent: content.length, refusal: undefined });
    const part = await both(app, { path: '/file.bin', headers: { range: 'bytes=10-999999' } });
    expect(part.body.equals(content.subarray(10, 1_000_000))).toBe(true);
    expect(told[2]).toEqual({ sent: 999_990, refusal: undefined });
    expect((await both(app, { path: '/file.bin', method: 'HEAD' })).body.length).toBe(0);
  });
});

test('a file stream into a TLSSocket', async () => {
  const server = tls.createServer({ ...identity, ktls: 'off' }, (socket) => {
    socket.write('first ');
    createReadStream(path).pipe(socket);
  });
  const port = await listen(server);
  const client = nodeTls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  const chunks: Buffer[] = [];
  for await (const chunk of client) chunks.push(chunk);
  expect(Buffer.concat(chunks).equals(Buffer.concat([Buffer.from('first '), content]))).toBe(true);
  expect(told.map(({ sent }) => sent)).toEqual([content.length]);
  server.close();
});
