import type { EventEmitter } from 'node:events';
import net from 'node:net';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import nodeTls from 'node:tls';
import { afterEach } from 'vitest';
import { listen } from '../helpers/listen.ts';
import type { Implementation, ServerOptions, TlsSocket } from './implementations.ts';

/** What a socket told, in order: `end`, `close true`, `error CODE`. */
export type Events = string[];

/** Writes down the events of a socket. */
export function record(emitter: EventEmitter, names: readonly string[] = lifeEvents): Events {
  const events: Events = [];
  for (const name of names) {
    emitter.on(name, (...words: unknown[]) => events.push([name, ...words.map(describe)].join(' ')));
  }
  return events;
}

const lifeEvents = ['connect', 'ready', 'secureConnect', 'end', 'finish', 'timeout', 'error', 'close'];

function describe(word: unknown): string {
  if (word instanceof Error) return 'code' in word ? String(word.code) : word.message;
  return typeof word === 'boolean' ? String(word) : '';
}

/** A server for a test: listens on a free port, and is closed with all its sockets behind the test. */
export async function serve(
  implementation: Implementation,
  options: ServerOptions,
  onConnection: (socket: TlsSocket) => void = () => {},
): Promise<{ readonly server: net.Server; readonly port: number }> {
  const server = implementation.createServer(options);
  server.on('secureConnection', (socket: TlsSocket) => {
    owned(socket).on('error', () => {});
    onConnection(socket);
  });
  return { server, port: await listenUntilEnd(server) };
}

/** The same for a server that does no TLS, or none at first. */
export async function servePlain(onConnection: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  return await listenUntilEnd(server);
}

/** Listens on a free port; closed with all its sockets behind the test. */
export async function listenUntilEnd(server: net.Server): Promise<number> {
  servers.add(server);
  // Node.js 24 can crash when the raw socket below a socket of node:tls is destroyed: those end with their clients.
  if (!(server instanceof nodeTls.Server)) server.on('connection', (socket: net.Socket) => owned(socket));
  return await listen(server);
}

/** A socket that is destroyed behind the test. */
export function owned<Socket extends net.Socket>(socket: Socket): Socket {
  open.add(socket);
  socket.once('close', () => gone.add(socket));
  return socket;
}

/** Resolves at the event `close` of a socket that is {@link owned}; errors are no matter. */
export function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    if (gone.has(socket)) resolve();
    else socket.on('error', () => {}).once('close', () => resolve());
  });
}

/** Everything until the stream's end. By events: in some versions of Node.js `for await` ends the other direction as well. */
export async function readAll(socket: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await finished(socket, { writable: false });
  return Buffer.concat(chunks);
}

/** Some files are made by OpenSSL's command, which Windows does not have. */
export const hasOpenSSLProgram: boolean = process.platform !== 'win32';

/** The next `length` bytes. */
export function readLength(socket: Readable, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let left = length;
    socket.on('error', reject).on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      left -= chunk.length;
      if (left <= 0) resolve(Buffer.concat(chunks));
    });
  });
}

/** An error with the properties that applications look at. */
export function properties(error: unknown, names: readonly string[] = ['code', 'message']): Record<string, unknown> {
  if (!(error instanceof Error)) return { error };
  return Object.fromEntries(names.map((name) => [name, Reflect.get(error, name)]));
}

const servers = new Set<net.Server>();
const open = new Set<net.Socket>();
const gone = new WeakSet<net.Socket>();

afterEach(() => {
  for (const socket of open) socket.destroy();
  for (const server of servers) server.close();
  open.clear();
  servers.clear();
});
