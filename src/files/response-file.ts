import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { codedError } from '../errors/coded.ts';
import { fileTooShort } from '../errors/codes.ts';
import type { SendFileOptions } from '../socket/send-file.ts';
import { type OpenedFile, openFile, type SendableFile } from '../socket/sendable-file.ts';
import { TLSSocket } from '../tls.ts';
import { contentLength, countBody, hasNoBody, isChunked, isWrittenPlainly } from './file-decision.ts';
import { sendOverHttp2 } from './http2-file.ts';

/** A response of node:http, node:https or this library; of node:http2's compatibility API; or an HTTP/2 stream itself. */
export type FileResponse = ServerResponse | Http2ServerResponse | ServerHttp2Stream;

/**
 * Ends a response with a file, or with a part of one. Headers go first: what the application has set, and Content-Length (RFC 9110 §8.6) if it
 * has not. Over HTTP/1.1 on a socket of this library the file goes by {@link TLSSocket.sendFile}, without being read where the kernel seals; over
 * HTTP/2 by node:http2; and by reading it elsewhere, also where the application wants `transfer-encoding: chunked`. Responses to HEAD, and
 * those that have no body (204, 304), get their headers alone.
 *
 * @param response Not begun, or with its headers sent and a Content-Length that leaves room for the file.
 * @param file A path, or what is open already and stays so.
 * @param options `start` and `length` in bytes, as {@link SendFileOptions}; `signal` ends the response when it aborts.
 * @returns The bytes of the file that were sent, when the response has finished.
 * @throws What the system says of the file (ENOENT, EISDIR …) and ERR_KTLS_FILE_TOO_SHORT, before anything was sent: the response is as it was,
 * and can say so (`headersSent` is false). Once headers were sent, the connection is destroyed, or the HTTP/2 stream reset, so that
 * nobody takes what has come for all of it. ERR_STREAM_PREMATURE_CLOSE: the client is gone.
 */
export async function sendFile(
  response: FileResponse,
  file: SendableFile,
  options: SendFileOptions = {},
): Promise<number> {
  const { signal } = options;
  signal?.throwIfAborted();
  if ('writeHead' in response && !('stream' in response)) await turnOf(response);
  if (response.destroyed || response.writableEnded) throw gone();
  if (ending.has(response)) throw codedError('ERR_STREAM_WRITE_AFTER_END', 'A file ends the response already');
  ending.add(response);
  let opened: OpenedFile | undefined;
  try {
    opened = await openFile(file, options);
    await check(opened);
    signal?.throwIfAborted();
    if (!isHttp1(response)) return await sendOverHttp2(response, opened, options);
    return await sendOverHttp1(response, opened, options);
  } finally {
    ending.delete(response);
    await opened?.release();
  }
}

/** Responses that are being ended by a file. */
const ending = new WeakSet<FileResponse>();

function isHttp1(response: FileResponse): response is ServerResponse {
  return 'writeHead' in response && !('stream' in response);
}

/** Waits: a response to a request that came behind others has a socket once these are answered (RFC 9112 §9.3.2). */
export async function turnOf(response: ServerResponse<IncomingMessage>): Promise<void> {
  if (response.socket || response.destroyed) return;
  await new Promise<void>((resolve) => {
    const forget = onClose(response.req.socket, resolve);
    response.once('socket', () => {
      forget();
      resolve();
    });
  });
  if (!response.socket) throw gone();
}

/** Calls `told` when the socket closes; all who wait have one listener. */
function onClose(socket: Socket, told: () => void): () => void {
  const waiting = waitingFor.get(socket) ?? new Set();
  if (!waitingFor.has(socket)) {
    waitingFor.set(socket, waiting);
    socket.once('close', () => {
      for (const one of waiting) one();
    });
  }
  if (socket.closed) told();
  else waiting.add(told);
  return () => waiting.delete(told);
}

const waitingFor = new WeakMap<Socket, Set<() => void>>();

/** What can be wrong with a file is found before there are headers that speak of it: the last byte is read. */
async function check(file: OpenedFile): Promise<void> {
  if (!Number.isSafeInteger(file.start) || file.start < 0 || file.length < 0)
    throw Object.assign(new RangeError('start and length must be whole numbers from 0 on'), {
      code: 'ERR_OUT_OF_RANGE',
    });
  const last = Math.max(0, file.start + file.length - 1);
  const read = await file.read(Buffer.alloc(1), 1, last);
  if (read === 0 && file.length > 0) throw fileTooShort('The file ends before the part that was asked for', 0);
}

async function sendOverHttp1(response: ServerResponse, file: OpenedFile, options: SendFileOptions): Promise<number> {
  const { socket } = response;
  if (!socket) throw gone();
  announce(response, file.length);
  const ended = finished(response, { readable: false });
  // Looked at below; rejected before, it is nobody's.
  ended.catch(() => {});
  try {
    // What hooks make of the headers is known once they were sent; who has replaced write() has them sent then.
    const goesToSocket = socket instanceof TLSSocket && isWrittenPlainly(response);
    if (goesToSocket) response.flushHeaders();
    if (hasNoBody(response)) {
      response.end();
      await ended;
      return 0;
    }
    // As end() does.
    while (response.writableCorked > 0) response.uncork();
    if (goesToSocket && !isChunked(response)) {
      await socket.sendFile(file.source, { ...options, start: file.start, length: file.length });
      countBody(response, file.length);
      response.end();
    } else {
      await pipeline(Readable.from(partsOf(file, options)), response, { signal: options.signal });
    }
    await ended;
    return file.length;
  } catch (error) {
    if (response.headersSent) socket.destroy();
    throw error;
  }
}

function announce(response: ServerResponse, length: number): void {
  if (response.hasHeader('transfer-encoding')) return;
  const given = response.headersSent ? contentLength(response) : response.getHeader('content-length');
  // Headers that were sent may speak of more than the file.
  const isWrong = response.headersSent ? Number(given) < length : Number(given) !== length;
  if (given !== undefined && isWrong) {
    const message = `The response's Content-Length is ${given}, the file's part has ${length} bytes`;
    throw codedError('ERR_HTTP_CONTENT_LENGTH_MISMATCH', message);
  }
  if (!response.headersSent) response.setHeader('content-length', length);
}

/** The file in pieces, all of it or an error. */
async function* partsOf({ read, start, length }: OpenedFile, { onProgress }: SendFileOptions): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < length; ) {
    const part = Buffer.allocUnsafeSlow(Math.min(partLength, length - sent));
    const bytes = await read(part, part.length, start + sent);
    if (bytes === 0) {
      throw fileTooShort(`The file ended after ${sent} of ${length} bytes`, sent);
    }
    sent += bytes;
    yield part.subarray(0, bytes);
    onProgress?.(sent);
  }
}

function gone(): Error {
  return codedError('ERR_STREAM_PREMATURE_CLOSE', 'Premature close');
}

const partLength = 64 * 1024;
