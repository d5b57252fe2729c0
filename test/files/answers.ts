import { once } from 'node:events';
import { createReadStream, openSync, type ReadStream, readSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type https from 'node:https';
import { pipeline } from 'node:stream';
import nodeTls from 'node:tls';
import type { Identity } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';

/** How a response is made out of a file. */
export interface Answer {
  readonly size: number;
  /** Of createReadStream(). */
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  readonly highWaterMark?: number | undefined;
  readonly autoClose: boolean;
  readonly by: 'path' | 'descriptor' | 'handle';
  /** Bytes that are read from a descriptor or a handle before the stream is made. */
  readonly skipped: number;
  readonly connect: 'pipe' | 'pipe and end' | 'pipeline';
  /** Bytes that are written before the file, and behind it by 'pipe and end', which pipes with `end: false`. */
  readonly before: number;
  readonly after: number;
  readonly length: 'told' | 'strict' | 'chunked';
}

/** The part of the file that its stream reads. */
export function partOf({ size, start, end = Infinity, by, skipped }: Answer): { from: number; length: number } {
  const from = start ?? (by === 'path' ? 0 : Math.min(skipped, size));
  // Without a start, the end is counted from where the stream begins.
  const last = start === undefined ? from + end : end;
  return { from, length: Math.max(0, Math.min(size - 1, last) - from + 1) };
}

/** What is seen of an answer on the server's side: what happens to the stream, and to the response. */
export type Seen = Readonly<Record<'stream' | 'response', readonly string[]>>;

/** A server whose listener changes from one use to the next. */
export interface Server {
  readonly port: number;
  readonly onRequest: (listener: Listener) => void;
  readonly close: () => void;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

export async function startServer(
  make: (options: https.ServerOptions, listener: Listener) => https.Server,
  identity: Identity,
): Promise<Server> {
  let current: Listener = () => {};
  const server = Reflect.apply(make, undefined, [
    { ...identity, ktls: 'off' },
    (request: IncomingMessage, response: ServerResponse) => current(request, response),
  ]);
  const port = await listen(server);
  return {
    port,
    onRequest: (listener) => {
      current = listener;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** From here on the request for /n gets the n-th answer. What will be seen of each. */
function giveAnswers(server: Server, answers: readonly Answer[], path: string): readonly Promise<Seen>[] {
  const waiting: ((seen: Promise<Seen>) => void)[] = [];
  server.onRequest((request, response) => {
    const index = Number(request.url?.slice(1));
    const answer = answers[index];
    if (answer) waiting[index]?.(respond(answer, path, response));
  });
  return answers.map((_, i) => new Promise((resolve) => waiting.splice(i, 0, resolve)));
}

/** All that a client gets that asks for all of them at once, or for each when the one before is done; and what is seen of each. */
export async function ask(
  server: Server,
  answers: readonly Answer[],
  { path, content, pipelined }: { readonly path: string; readonly content: Buffer; readonly pipelined: boolean },
): Promise<{ readonly bytes: Buffer; readonly seen: readonly Seen[] }> {
  writeFileSync(path, content.subarray(0, answers[0]?.size));
  const telling = giveAnswers(server, answers, path);
  const client = nodeTls.connect({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
  const chunks: Buffer[] = [];
  client.on('data', (chunk) => chunks.push(chunk));
  const closed = once(client, 'close');
  const requests = answers.map(
    (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n${i === answers.length - 1 ? 'Connection: close\r\n' : ''}\r\n`,
  );
  if (pipelined) client.write(requests.join(''));
  else {
    for (const [i, request] of requests.entries()) {
      client.write(request);
      await telling[i];
    }
  }
  const seen = await Promise.all(telling);
  await closed;
  return { bytes: Buffer.concat(chunks), seen };
}

async function respond(answer: Answer, path: string, response: ServerResponse): Promise<Seen> {
  const { before, after, connect, length } = answer;
  const { stream, isOpen } = await streamOf(answer, path);
  const ends = connect === 'pipe and end';
  response.sendDate = false;
  response.strictContentLength = length === 'strict';
  if (length !== 'chunked') response.setHeader('content-length', before + partOf(answer).length + (ends ? after : 0));
  const seen = watch(stream, response, isOpen);
  const [done, closed] = [once(response, 'close'), whenClosed(stream)];
  if (before > 0) response.write(Buffer.alloc(before, 'b'));
  if (connect === 'pipeline') pipeline(stream, response, (error) => seen.stream.push(`done ${error?.message}`));
  else stream.pipe(response, { end: !ends });
  if (ends) stream.once('end', () => response.end(Buffer.alloc(after, 'a')));
  await done;
  if (!answer.autoClose) stream.destroy();
  await closed;
  return seen;
}

async function streamOf(
  { start, end, highWaterMark, autoClose, by, skipped }: Answer,
  path: string,
): Promise<{ readonly stream: ReadStream; readonly isOpen: () => boolean }> {
  const options = { start, end, highWaterMark, autoClose };
  if (by === 'handle') {
    const handle = await open(path);
    if (skipped > 0) await handle.read(Buffer.alloc(skipped), 0, skipped, null);
    return { stream: handle.createReadStream(options), isOpen: () => handle.fd >= 0 };
  }
  const descriptor = by === 'path' ? undefined : openSync(path, 'r');
  if (descriptor !== undefined && skipped > 0) readSync(descriptor, Buffer.alloc(skipped), 0, skipped, null);
  const stream = createReadStream(path, { ...options, ...(descriptor !== undefined && { fd: descriptor }) });
  // What the system says of a number may be of the next answer's file.
  return { stream, isOpen: () => typeof Reflect.get(stream, 'fd') === 'number' };
}

/** What happens to them, from now on. */
export function watch(
  stream: ReadStream,
  response: ServerResponse,
  isOpen: () => boolean,
): Record<'stream' | 'response', string[]> {
  const seen = { stream: [] as string[], response: [] as string[] };
  for (const event of ['open', 'ready']) stream.on(event, () => seen.stream.push(event));
  for (const event of ['end', 'close', 'error']) {
    stream.on(event, (error?: unknown) => {
      const told = error instanceof Error ? error.message : '';
      seen.stream.push([event, told, stream.readableEnded, stream.destroyed, isOpen()].join(' '));
      if (event === 'end') seen.stream.push(`${stream.bytesRead} bytes`);
    });
  }
  for (const event of [...responseEvents, 'pipe', 'unpipe', 'finish', 'close', 'error'])
    response.on(event, () => seen.response.push([event, response.writableFinished, response.destroyed].join(' ')));
  return seen;
}

/** Node.js 22 tells it before the system has taken what a response of node:https ends with, and whether it has is chance. */
const responseEvents = process.versions.node.startsWith('22.') ? [] : ['prefinish'];

export function whenClosed(stream: ReadStream): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve));
}

/** The responses on a connection as they would be without chunks (RFC 9112 §7.1), which Node.js 26 cuts by what there is to write just then. */
export function withoutChunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const body = bytes.indexOf('\r\n\r\n', at) + 4;
    const head = bytes.toString('latin1', at, body);
    parts.push(bytes.subarray(at, body));
    at = body;
    if (!/transfer-encoding: chunked/i.test(head)) {
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      parts.push(bytes.subarray(at, at + length));
      at += length;
      continue;
    }
    for (let length = 1; length > 0; at += length + 2) {
      const start = bytes.indexOf('\r\n', at) + 2;
      length = Number.parseInt(bytes.toString('latin1', at, start), 16) || 0;
      at = start;
      parts.push(bytes.subarray(at, at + length));
    }
  }
  return Buffer.concat(parts);
}
