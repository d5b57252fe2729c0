import { once } from 'node:events';
import http from 'node:http';
import type net from 'node:net';
import { Readable, type Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';

/** Is told of every part of a body. */
export type OnPart = (part: Uint8Array) => void;

/** A connection on which the handshake is done, and how long that took, from the call to connect on. */
export async function openConnection(
  connect: (port: number) => net.Socket,
  port: number,
): Promise<{ socket: net.Socket; milliseconds: number }> {
  const start = performance.now();
  const socket = connect(port);
  await once(socket, 'secureConnect');
  return { socket, milliseconds: performance.now() - start };
}

export async function closeConnection(socket: net.Socket): Promise<void> {
  const closed = once(socket, 'close');
  socket.resume();
  socket.end();
  await closed;
}

/** Gets `length` bytes by HTTP on this connection, the only request on it. Seconds from the request to the last byte. */
export async function download(socket: net.Socket, length: number, onPart: OnPart): Promise<number> {
  const start = performance.now();
  const request = http.request({ path: `/bytes/${length}`, createConnection: () => socket });
  request.end();
  const received = await receiveBody(await responseTo(request), onPart);
  if (received !== length) throw new Error(`${received} bytes came down of ${length}`);
  return (performance.now() - start) / 1000;
}

/** Posts `length` bytes in the same way. Seconds until the server said that it has them all. */
export async function upload(socket: net.Socket, length: number, onPart: OnPart): Promise<number> {
  const start = performance.now();
  const answer = await post(socket, '/', length, onPart);
  if (Number(answer) !== length) throw new Error(`${answer} bytes came up of ${length}`);
  return (performance.now() - start) / 1000;
}

/** Posts `length` bytes; what the server answers. */
export async function post(socket: net.Socket, path: string, length: number, onPart: OnPart): Promise<string> {
  const headers = { 'content-length': length };
  const request = http.request({ method: 'POST', path, headers, createConnection: () => socket });
  const [response] = await Promise.all([responseTo(request), sendBody(request, length, onPart)]);
  const parts: Uint8Array[] = [];
  await receiveBody(response, (part) => parts.push(part));
  return Buffer.concat(parts).toString().trim();
}

/** Sends `length` bytes, 64 KiB at a time: what files are read in, too. */
export async function sendBody(target: Writable, length: number, onPart: OnPart = ignore): Promise<void> {
  let left = length;
  const source = new Readable({
    highWaterMark: chunk.length,
    read() {
      const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
      left -= part.length;
      if (part.length > 0) onPart(part);
      this.push(part.length > 0 ? part : null);
    },
  });
  await pipeline(source, target);
}

/** Receives what comes; how many bytes that were. */
export async function receiveBody(source: Readable, onPart: OnPart = ignore): Promise<number> {
  let received = 0;
  source.on('data', (part: Uint8Array) => {
    received += part.length;
    onPart(part);
  });
  await finished(source, { writable: false });
  return received;
}

async function responseTo(request: http.ClientRequest): Promise<http.IncomingMessage> {
  const [response] = await once(request, 'response');
  if (!(response instanceof http.IncomingMessage)) throw new Error('no response');
  if (response.statusCode !== 200) throw new Error(`the server answered ${response.statusCode}`);
  return response;
}

const ignore = (): void => {};

/** No two places of it are alike, so that bytes out of place would show. */
const chunk = Buffer.alloc(64 * 1024);
for (let at = 0; at < chunk.length; at += 4) chunk.writeUInt32LE(Math.imul(at + 1, 0x9e3779b1) >>> 0, at);
