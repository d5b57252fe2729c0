import type net from 'node:net';
import { Duplex } from 'node:stream';
import { getSystemErrorMap } from 'node:util';
import { apart } from '../errors/apart.ts';
import type { PastStream } from '../socket/past-stream.ts';
import { carriesTls } from '../socket/socket-handle.ts';
import { pastStream } from '../socket/tls-socket.ts';
import { type Gathered, gather, giveBack } from '../socket/written-chunks.ts';
import type { TLSSocket } from '../tls.ts';

/** The handle of a socket in front: it belongs to the session that reads and writes through it. */
interface Handle {
  readBuffer(bytes: Buffer): void;
  finishWrite(request: object, status: number): void;
}

/** What node:http2's socket in front is asked by its handle, and asks itself. */
interface InFront extends net.Socket {
  readonly stream: unknown;
  readonly _handle: Handle | null;
  doWrite(request: object, chunks: readonly Uint8Array[]): number;
  finishWrite(handle: Handle, status: number): void;
}

/**
 * Has `inFront` read and write past the stream of `socket`. By that stream, each write would come to its end in another turn of the event loop, and
 * each read be told to two streams. Node.js's own functions are there where something has to wait for a stream.
 */
export function passBy(inFront: net.Socket, socket: TLSSocket): void {
  if (!isInFront(inFront)) return;
  const past = pastStream(socket);
  pasts.set(inFront, past);
  past.listen((bytes) => inFront._handle?.readBuffer(bytes));
}

/** What an object has in place of `prototype`'s own; none where this version of Node.js has other functions. */
export function writingPast(prototype: object): PropertyDescriptorMap {
  if (!isInFront(prototype)) return {};
  const { doWrite, finishWrite } = prototype;
  const own = {
    doWrite(this: InFront, request: object, chunks: readonly Uint8Array[]): number {
      // Node's own function takes what a session writes behind its end, too, and fails with an assertion that ends the process.
      const { stream } = this;
      if (stream instanceof Duplex && (stream.destroyed || stream.writableEnded)) return number('ECANCELED');
      const gathered = joined(chunks);
      if (writePast(this, request, gathered)) return 0;
      const { parts, borrowed } = gathered;
      inUse.set(this, borrowed);
      // Of nothing at all there is nothing to write, and nobody would be told that it was: node:tls writes that, where it lies on such a socket.
      return Reflect.apply(doWrite, this, [request, parts.length > 0 ? parts : chunks]);
    },
    finishWrite(this: InFront, handle: Handle, status: number): void {
      giveBack(inUse.get(this) ?? []);
      inUse.delete(this);
      const request = waiting.get(this);
      waiting.delete(this);
      if (request) handle.finishWrite(request, status);
      else Reflect.apply(finishWrite, this, [handle, status]);
    },
  };
  return Object.fromEntries(
    Object.entries(own).map(([name, value]) => [name, { configurable: true, writable: true, value }]),
  );
}

/** False: it has to go through the stream. */
function writePast(inFront: InFront, request: object, { parts, borrowed }: Gathered): boolean {
  const past = pasts.get(inFront);
  const handle = inFront._handle;
  if (!past || !handle || parts.length === 0 || carriesTls.has(inFront)) return false;
  let isDone = false;
  const end = (status: number): void => {
    if (waiting.get(inFront) === request) inFront.finishWrite(handle, status);
  };
  const isGiven = past.write(parts, (error) => {
    giveBack(borrowed);
    if (error) setImmediate(end, number(codeOf(error), 'EPIPE'));
    else if (waiting.get(inFront) === request) end(0);
    else isDone = true;
  });
  if (!isGiven) return false;
  // What the session's listeners throw must not seem to be the write's.
  if (isDone) apart(() => handle.finishWrite(request, 0));
  else waiting.set(inFront, request);
  return true;
}

/**
 * A session gives each frame, and the header of each, as new memory that nobody else has: what 64 KiB are is a part of a garbage collection. They are
 * joined where that fills records better, in memory that is used again, and their own is given back at once.
 */
function joined(chunks: readonly Uint8Array[]): Gathered {
  const gathered = gather(chunks);
  for (const chunk of chunks) if (chunk.length >= worthFreeing && !gathered.parts.includes(chunk)) free(chunk);
  return gathered;
}

/** Gives memory back that is a chunk's alone. */
function free({ buffer, length }: Uint8Array): void {
  if (length === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** Bytes. */
const worthFreeing = 4096;

function isInFront(value: object): value is InFront {
  return ['doWrite', 'finishWrite'].every((name) => typeof Reflect.get(value, name) === 'function');
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** libuv's number of an error, which differs between systems. */
function number(name: string, otherwise = 'ECANCELED'): number {
  return numbers.get(name) ?? numbers.get(otherwise) ?? -125;
}

const numbers = new Map([...getSystemErrorMap()].map(([errno, [name]]) => [name, errno]));

/** All by socket in front, which has one write at a time. */
const pasts = new WeakMap<object, PastStream>();
/** Requests of which the system has not taken all. */
const waiting = new WeakMap<object, object>();
const inUse = new WeakMap<object, Gathered['borrowed']>();
