import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { longestRecord } from '../../record/header.ts';

/** Who gets what a stream receives, in its place. */
export interface ReadTaker {
  /** With `room` for a record in front of the bytes, which are lent for as long as the call takes, or none. */
  bytes(bytes: Uint8Array, room?: number): void;
  end(): void;
}

/** Starts and stops what {@link takeReads} has taken. Nobody else can. */
export interface ReadControl {
  start(): void;
  stop(): void;
}

/** A stream that can be told to give all that it receives to somebody else has a method by this name. */
export const givesReads: unique symbol = Symbol('ktls:givesReads');

/**
 * Has a stream's bytes for nobody but `taker`: the stream itself tells neither 'data' nor 'end' of them, whoever listens, and who pauses it
 * pauses nothing (as where node:tls stands on a socket). Undefined where this version of Node.js, or this stream, has no such thing.
 *
 * A socket's are read into one large buffer that all sockets of this thread share, as the option `onread` does for a socket that is not made
 * yet: chunks of 'data' are of at most 64 KiB and each new memory, and one buffer of 512 KiB brings twice the throughput.
 */
export function takeReads(stream: Duplex, taker: ReadTaker): ReadControl | undefined {
  const give: unknown = Reflect.get(stream, givesReads);
  if (typeof give === 'function') return Reflect.apply(give, stream, [taker]);
  const handle: unknown = Reflect.get(stream, '_handle');
  if (!(stream instanceof Socket) || !symbols || !isReadable(handle)) return undefined;
  Reflect.set(stream, symbols.kBuffer, readBuffer());
  Reflect.set(stream, symbols.kBufferCb, (length: number, buffer: Buffer) =>
    taker.bytes(buffer.subarray(0, length), readRoom),
  );
  handle.useUserBuffer(readBuffer());
  tellEndTo(taker, stream);
  return ownReads(stream, handle);
}

/** Whether a stream is a socket of libuv's, TCP or a pipe: what is written goes to the system and to nobody else. */
export function hasSystemHandle(stream: Duplex): boolean {
  return stream instanceof Socket && isReadable(Reflect.get(stream, '_handle'));
}

/** From here on the stream's own attempts to start and stop do nothing. */
function ownReads(socket: Socket, handle: Readable): ReadControl {
  const { readStart, readStop } = handle;
  // Asked for after each message, of which libuv needs to know only what changes. What it does at first nobody knows.
  let isReading: boolean | undefined;
  const change = (reads: boolean): void => {
    if (reads === isReading || Reflect.get(socket, '_handle') !== handle) return;
    isReading = reads;
    Reflect.apply(reads ? readStart : readStop, handle, []);
  };
  handle.reading = true;
  for (const name of ['readStart', 'readStop']) Object.defineProperty(handle, name, { value: () => 0 });
  return { start: () => change(true), stop: () => change(false) };
}

/** Node.js tells a socket of its peer's FIN by push(null). */
function tellEndTo(taker: ReadTaker, socket: Socket): void {
  const { push } = socket;
  const value = (...args: Parameters<typeof push>): boolean => {
    if (args[0] !== null) return Reflect.apply(push, socket, args);
    taker.end();
    return false;
  };
  Object.defineProperty(socket, 'push', { configurable: true, writable: true, value });
}

interface Readable {
  reading: boolean;
  readStart(): number;
  readStop(): number;
  useUserBuffer(buffer: Buffer): void;
}

/** What libuv's handles of TCP sockets and pipes have, of which Node.js documents nothing. */
function isReadable(handle: unknown): handle is Readable {
  return (
    typeof handle === 'object' &&
    handle !== null &&
    (handle.constructor.name === 'TCP' || handle.constructor.name === 'Pipe') &&
    'useUserBuffer' in handle &&
    typeof handle.useUserBuffer === 'function'
  );
}

/** Where a net.Socket keeps its `onread` (lib/net.js since Node.js 12). */
const symbols = findSymbols();

function findSymbols(): { readonly kBuffer: symbol; readonly kBufferCb: symbol } | undefined {
  const found = Object.getOwnPropertySymbols(new Socket());
  const kBuffer = found.find(({ description }) => description === 'kBuffer');
  const kBufferCb = found.find(({ description }) => description === 'kBufferCb');
  return kBuffer && kBufferCb && { kBuffer, kBufferCb };
}

let buffer: Buffer | undefined;

/** Memory for what is read, which all sockets of this thread share, with {@link readRoom} in front of it. */
export function readBuffer(): Buffer {
  buffer ??= Buffer.allocUnsafeSlow(readRoom + readLength).subarray(readRoom);
  return buffer;
}

export const readRoom: number = longestRecord;

const readLength = 512 * 1024;
