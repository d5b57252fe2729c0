import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:net';
import { TLSSocket } from '../../index.ts';
import { subscribe } from '../../observe/channels.ts';
import { type ConnectionView, sampleInterval, type Totals } from './connection-view.ts';
import { WatchedConnection } from './watched-connection.ts';

/** What is told of each connection: `changed` also for all of the other events. */
interface WatchEvents {
  secure: [connection: WatchedConnection];
  over: [connection: ConnectionView];
  changed: [connection: WatchedConnection];
}

/** The connections of an HTTPS server: those that live, and the last ones that did. */
export class ConnectionWatch extends EventEmitter<WatchEvents> {
  readonly #live = new Map<TLSSocket, WatchedConnection>();
  readonly #over: ConnectionView[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  readonly #before = { connections: 0, read: 0, written: 0 };

  constructor(server: Server) {
    super();
    server.on('tlsConnection', (socket: unknown) => {
      if (socket instanceof TLSSocket) this.#accepted(socket);
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      const connection = this.#live.get(socket);
      if (connection) this.#secure(connection);
    });
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      const connection = this.#live.get(socket);
      connection?.failed(error);
      if (connection) this.#ended(connection);
    });
    server.on('request', ({ socket, method = '', url = '' }: IncomingMessage) => {
      const connection = socket instanceof TLSSocket ? this.#live.get(socket) : undefined;
      connection?.requested(method, url);
      if (connection) this.emit('changed', connection);
    });
    this.#unsubscribe = subscribe('keys', ({ socket, direction, epoch }) => {
      const connection = socket instanceof TLSSocket ? this.#live.get(socket) : undefined;
      connection?.keysChanged(direction, epoch);
      if (connection) this.emit('changed', connection);
    });
    this.#timer = setInterval(() => this.#sample(), sampleInterval);
    this.#timer.unref();
  }

  /** Those that live. */
  get live(): readonly WatchedConnection[] {
    return [...this.#live.values()];
  }

  /** The newest connections, the oldest of them first. */
  views(): ConnectionView[] {
    return [...this.#over, ...this.live.map((connection) => connection.view())].toSorted((a, b) => a.id - b.id);
  }

  totals(): Totals {
    const { connections } = this.#before;
    let { read, written } = this.#before;
    for (const { socket } of this.#live.values()) {
      read += socket.bytesRead;
      written += socket.bytesWritten;
    }
    return { connections, live: this.#live.size, read, written };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  #accepted(socket: TLSSocket): void {
    const connection = new WatchedConnection(++this.#before.connections, socket);
    this.#live.set(socket, connection);
    socket.on('recordLayer', () => {
      connection.layersChanged();
      this.emit('changed', connection);
    });
    socket.on('error', (error) => connection.failed(error));
    socket.once('close', () => {
      connection.closed();
      this.#ended(connection);
    });
    this.emit('changed', connection);
  }

  #secure(connection: WatchedConnection): void {
    connection.secure();
    this.emit('secure', connection);
    this.emit('changed', connection);
  }

  #ended(connection: WatchedConnection): void {
    if (!this.#live.delete(connection.socket)) return;
    this.#before.read += connection.socket.bytesRead;
    this.#before.written += connection.socket.bytesWritten;
    const last = connection.view();
    this.#over.push(last);
    if (this.#over.length > mostOver) this.#over.shift();
    this.emit('over', last);
    this.emit('changed', connection);
  }

  #sample(): void {
    for (const connection of this.#live.values()) {
      connection.sample();
      this.emit('changed', connection);
    }
  }
}

const mostOver = 100;
