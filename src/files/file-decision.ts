import { EventEmitter } from 'node:events';
import fs, { type ReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { OutgoingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { TLSSocket } from '../tls.ts';

/** What of a file goes where, past the stream that was to read it. */
export interface FilePlan {
  readonly socket: TLSSocket;
  readonly response?: ServerResponse;
  readonly source: FileHandle | number;
  /** First byte, and at most how many: as many as the destination has said, or up to the end that the stream has. */
  readonly start: number;
  readonly most: number;
  /** Sends what must go before the file. */
  readonly begin: () => void;
  /** To be told of so many bytes that were sent. */
  readonly count: (bytes: number) => void;
}

/** Why a file is read as always. */
export interface FileRefusal {
  readonly refused: string;
}

/**
 * Whether the file behind a stream can go to the socket without being read, so that nobody can tell the difference: it is asked when the stream is
 * about to read, and again between parts.
 */
export function fileDecision(stream: ReadStream, worthwhile: number = usuallyWorthwhile): FilePlan | FileRefusal {
  const destination = onlyReader(stream);
  // Asked first: most files are small, and all that is asked costs them a hundredth of their response.
  if (destination instanceof ServerResponse && isSmall(destination, worthwhile)) return tooSmall;
  const source = sourceOf(stream);
  if (source === undefined) return { refused: 'the file is not read by node:fs itself' };
  if (stream.push !== push || stream.emit !== emit || stream.read !== read)
    return { refused: 'the application watches what is read' };
  if (destination === undefined) return { refused: 'more than one reads the stream, or it changes what it reads' };
  const start: unknown = Reflect.get(stream, 'pos') ?? (typeof stream.path === 'string' ? stream.bytesRead : undefined);
  if (typeof start !== 'number') return { refused: 'where the file is read from is not known' };
  const end: unknown = Reflect.get(stream, 'end');
  const most = typeof end === 'number' ? end - start + 1 : 0;
  if (most <= 0) return { refused: 'there is nothing left to read' };
  const where = { source, start };
  if (destination instanceof TLSSocket) {
    if (destination.write !== socketWrite || destination.writableEnded || destination.destroyed)
      return { refused: 'the application watches what is written, or nothing can be' };
    return { ...where, most, ...toSocket(destination) };
  }
  if (destination instanceof ServerResponse) return toResponse(destination, { ...where, most }, worthwhile);
  return { refused: 'the destination is neither a response nor a socket of this library' };
}

function isSmall(response: ServerResponse, worthwhile: number): boolean {
  const length = contentLength(response);
  return length !== undefined && length < worthwhile && response.socket instanceof TLSSocket;
}

/** What node:fs reads for the stream; undefined where somebody else does (the option `fs`). */
function sourceOf(stream: ReadStream): FileHandle | number | undefined {
  const handle = ownSymbol(stream, 'kHandle');
  if (isFileHandle(handle)) return Object.hasOwn(handle, 'read') ? undefined : handle;
  const descriptor: unknown = Reflect.get(stream, 'fd');
  const isNode = ownSymbol(stream, 'kFs') === fs && fs.read === readFile;
  return isNode && typeof descriptor === 'number' ? descriptor : undefined;
}

function isFileHandle(value: unknown): value is FileHandle {
  return typeof value === 'object' && value !== null && 'fd' in value && 'stat' in value;
}

function ownSymbol(target: object, description: string): unknown {
  const symbol = Object.getOwnPropertySymbols(target).find((one) => one.description === description);
  return symbol && Reflect.get(target, symbol);
}

/** Whom the stream is piped into, if that is all that becomes of its data: pipe() listens for 'data' once. */
function onlyReader(stream: ReadStream): unknown {
  const state: unknown = Reflect.get(stream, '_readableState');
  const pipes: unknown = typeof state === 'object' && state !== null ? Reflect.get(state, 'pipes') : undefined;
  const isRead = stream.listenerCount('data') === 1 && stream.listenerCount('readable') === 0 && !stream.isPaused();
  const isRaw = stream.readableEncoding === null && !stream.readableObjectMode && stream.readableLength === 0;
  return isRead && isRaw && Array.isArray(pipes) && pipes.length === 1 ? pipes[0] : undefined;
}

function toSocket(socket: TLSSocket): Pick<FilePlan, 'socket' | 'begin' | 'count'> {
  return { socket, begin: () => {}, count: () => {} };
}

function toResponse(
  response: ServerResponse,
  where: Pick<FilePlan, 'source' | 'start' | 'most'>,
  worthwhile: number,
): FilePlan | FileRefusal {
  const { socket } = response;
  if (!(socket instanceof TLSSocket)) return { refused: 'the response is not on a socket of this library' };
  if (response.writableEnded || response.destroyed) return { refused: 'the response has ended' };
  if (Reflect.get(socket, '_httpMessage') !== response) return { refused: 'the response waits for its turn' };
  // Who has put a function of their own in the place of write() wants to see the data.
  if (!isWrittenPlainly(response)) return { refused: 'the application watches what is written' };
  if (isChunked(response)) return { refused: 'the response is chunked' };
  if (hasNoBody(response)) return { refused: 'the response has no body' };
  const length = contentLength(response);
  const written = ownSymbol(response, 'kBytesWritten');
  if (length === undefined || typeof written !== 'number')
    return { refused: 'the length of the response is not known' };
  const most = Math.min(where.most, length - written);
  if (most <= 0) return { refused: 'the response has all that it was to have' };
  if (written === 0 && most < worthwhile) return tooSmall;
  return {
    ...where,
    most,
    socket,
    response,
    begin: () => response.flushHeaders(),
    count: (bytes) => countBody(response, bytes),
  };
}

/** RFC 9112 §6.3; and what Node.js made of what the application sent. */
export function hasNoBody(response: ServerResponse): boolean {
  const { req, statusCode } = response;
  return (
    req.method === 'HEAD' || statusCode === 204 || statusCode === 304 || Reflect.get(response, '_hasBody') === false
  );
}

/** Also where Node.js chose it, since the headers were sent without a length. */
export function isChunked(response: ServerResponse): boolean {
  return response.chunkedEncoding || response.hasHeader('transfer-encoding');
}

/** Whether what is written waits for the application's uncork(). */
export function isCorked({ socket, response }: Pick<FilePlan, 'socket' | 'response'>): boolean {
  return socket.writableCorked > 0 || (response?.writableCorked ?? 0) > 0;
}

/** Whether what an application writes to the response goes to its socket as it is. */
export function isWrittenPlainly(response: ServerResponse): boolean {
  return response.write === responseWrite && response.socket?.write === socketWrite;
}

/** As it was, or will be, sent. */
export function contentLength(response: ServerResponse): number | undefined {
  const sent: unknown = Reflect.get(response, '_header');
  const text =
    typeof sent === 'string' ? /\r\ncontent-length: *(\d+)\r\n/i.exec(sent)?.[1] : response.getHeader('content-length');
  const length = Number(text);
  return text !== undefined && Number.isSafeInteger(length) ? length : undefined;
}

/** `strictContentLength` compares what went through the response with its header. */
export function countBody(response: ServerResponse, bytes: number): void {
  const symbol = Object.getOwnPropertySymbols(response).find(({ description }) => description === 'kBytesWritten');
  const written: unknown = symbol && Reflect.get(response, symbol);
  if (symbol && typeof written === 'number') Reflect.set(response, symbol, written + bytes);
}

/**
 * Bytes. A file stream reads 64 KiB at once: one or two such pieces are read with no more work than they are sent. The size of what goes straight
 * to a socket is not known here.
 */
const usuallyWorthwhile = 128 * 1024;
export const tooSmall: FileRefusal = { refused: 'it is small, and read with as little work' };

/** As they were before anybody could put functions of their own in their place. */
const responseWrite = OutgoingMessage.prototype.write;
const socketWrite = TLSSocket.prototype.write;
const { push, read } = Readable.prototype;
const { emit } = EventEmitter.prototype;
const readFile = fs.read;
