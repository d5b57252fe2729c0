import type { Connection } from '../connection/connection.ts';
import type { ConnectionEvent } from '../connection/events.ts';
import type { Transport, TransportReceiver } from '../platform/transport.ts';
import type { OpenedRecords } from '../record/protection.ts';
import type { SessionListener } from './session-listener.ts';

/**
 * Hands a connection what its transport receives, in turns of the event loop that stay short: while the connection is behind, nothing more is
 * received, and what the transport tells of its end waits until all before it has been dealt with.
 */
export class ReadPump implements TransportReceiver {
  readonly #connection: Connection;
  readonly #transport: Transport;
  readonly #listener: SessionListener;
  /** The application wants to receive. */
  #isWanted = true;
  #isBehind = false;
  /** Bytes that have come while the handshake was suspended, and wait for it to go on. */
  #kept = 0;
  /** What the transport told meanwhile, in order. */
  #later: (() => void)[] = [];

  constructor(connection: Connection, transport: Transport, listener: SessionListener) {
    this.#connection = connection;
    this.#transport = transport;
    this.#listener = listener;
  }

  get wanted(): number {
    return this.#connection.wanted;
  }

  get peerClosed(): boolean {
    return this.#connection.peerClosed;
  }

  bytes(chunk: Uint8Array, room?: number): void {
    const events = this.#connection.receive(chunk, room);
    if (this.#connection.isSuspended) this.#keep(chunk.length);
    this.#advance(events);
  }

  opened(records: Omit<OpenedRecords, 'consumed'>): void {
    this.#advance(this.#connection.receiveOpened(records));
  }

  end(): void {
    this.#inOrder(() => this.#listener.ended(this.#connection.partial > 0));
  }

  error(error: Error): void {
    this.#inOrder(() => this.#listener.streamError(error));
  }

  closed(): void {
    this.#inOrder(() => this.#listener.streamClosed());
  }

  pause(): void {
    this.#isWanted = false;
    if (!this.#isBehind) this.#transport.pause();
  }

  resume(): void {
    this.#isWanted = true;
    if (!this.#isBehind && !this.#isFull) this.#transport.resume();
  }

  /** Starts the handshake, or goes on where it was suspended. */
  resumeHandshake(): void {
    const wasFull = this.#isFull;
    this.#kept = 0;
    this.#advance(this.#connection.resume());
    if (wasFull) this.#receiveOn();
  }

  /** Tells what a call of the connection found. If there is more to find, that is for another turn. */
  #advance(events: readonly ConnectionEvent[]): void {
    if (this.#connection.isBehind && !this.#isBehind) {
      this.#isBehind = true;
      this.#transport.pause();
      setImmediate(() => this.#goOn());
    }
    for (const event of events) this.#listener.event(event);
  }

  #goOn(): void {
    this.#isBehind = false;
    this.#advance(this.#connection.goOn());
    if (this.#isBehind) return;
    const later = this.#later;
    this.#later = [];
    for (const told of later) told();
    this.#receiveOn();
  }

  get #isFull(): boolean {
    return this.#kept >= mostKept;
  }

  #keep(length: number): void {
    this.#kept += length;
    if (this.#isFull) this.#transport.pause();
  }

  #receiveOn(): void {
    if (this.#isWanted && !this.#isBehind && !this.#isFull && !this.#connection.ended) this.#transport.resume();
  }

  #inOrder(told: () => void): void {
    if (this.#isBehind) this.#later.push(told);
    else told();
  }
}

/** An honest peer sends no more while it waits: OpenSSL takes 100 KB of certificates, and a flight has hardly anything else. */
const mostKept = 128 * 1024;
