import { Socket } from 'node:net';
import { longestRecord } from '../record/header.ts';

/**
 * Has a socket's bytes read into one large buffer that all sockets of this thread share, as the option `onread` does for a socket that
 * is not made yet: `take` gets a view of it for as long as the call takes, with `room` for a record in front of it. pause() and resume() work, 'end' comes as ever, 'data' does
 * not. False where this version of Node.js, or this stream, has no such thing.
 *
 * Chunks of 'data' are of at most 64 KiB and each new memory: one buffer of 512 KiB brings twice the throughput.
 */
export function takeReads(socket: Socket, take: (bytes: Uint8Array, room: number) => void): boolean {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (!symbols || !isReadable(handle)) return false;
  Reflect.set(socket, symbols.kBuffer, readBuffer());
  Reflect.set(socket, symbols.kBufferCb, (length: number, buffer: Buffer) =>
    take(buffer.subarray(0, length), readRoom),
  );
  handle.useUserBuffer(readBuffer());
  return true;
}

/** What libuv's handles of TCP sockets and pipes have, of which Node.js documents nothing. */
function isReadable(handle: unknown): handle is { useUserBuffer(buffer: Buffer): void } {
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
