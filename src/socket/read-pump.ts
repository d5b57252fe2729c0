import type { Connection } from '../connection/connection.ts';
import type { ConnectionEvent } from '../connection/events.ts';
import type { Output } from '../connection/handshake.ts';
import type { Transport, TransportReceiver } from '../platform/transport/transport.ts';
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
  /** Data was told, and its listeners have put something off that has not been done yet. */
  #isHeard = false;
  /** What is to be told behind that. */
  #waiting: ConnectionEvent[] = [];
  /** How many of them have been told. */
  #told = 0;

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
    this.#holdForAnswer();
    this.#advance(events);
  }

  opened(records: Omit<OpenedRecords, 'consumed'>): void {
    const events = this.#connection.receiveOpened(records);
    this.#holdForAnswer();
    this.#advance(events);
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
    if (!this.#isStopped) this.#transport.resume();
  }

  /** Starts the handshake, or goes on where it was suspended. */
  resumeHandshake(): void {
    const wasFull = this.#isFull;
    this.#kept = 0;
    this.#advance(this.#connection.resume());
    if (wasFull) this.#receiveOn();
  }

  /** What the handshake puts out that answered `later`. */
  answer(outputs: readonly Output[]): void {
    this.#kept = 0;
    this.#advance(this.#connection.answer(outputs));
    this.#tellLater();
    this.#receiveOn();
  }

  /** What it puts out while it still has to answer. */
  told(outputs: readonly Output[]): void {
    this.#advance(this.#connection.told(outputs));
  }

  /** Tells what a call of the connection found. If there is more to find, that is for another turn. */
  #advance(events: readonly ConnectionEvent[]): void {
    if (this.#connection.isBehind && !this.#isBehind) {
      this.#isBehind = true;
      this.#transport.pause();
      setImmediate(this.#goOn);
    }
    this.#tell(events);
  }

  /**
   * Listeners to data put things off: who awaits a chunk asks for the next one then. As in node:tls, where each record's data comes from libuv by
   * itself, that has been done before more is told.
   */
  #tell(events: readonly ConnectionEvent[]): void {
    for (const event of events) {
      if (!this.#isHeard && this.#waiting.length === 0) this.#tellOne(event);
      else {
        if (this.#waiting.length === 0 && !this.#transport.waitsForTicks) this.#transport.pause();
        this.#waiting.push(event);
      }
    }
  }

  #tellOne(event: ConnectionEvent): void {
    if (event.kind === 'applicationData') {
      this.#isHeard = true;
      settled.then(this.#heard);
    }
    this.#listener.event(event);
  }

  /** Behind all promises, and all that is for the next tick, if somebody waits for that. */
  readonly #heard = (): void => {
    if (this.#waiting.length > 0 || this.#later.length > 0) process.nextTick(this.#tellOn);
    else this.#isHeard = false;
  };

  readonly #tellOn = (): void => {
    this.#isHeard = false;
    const waiting = this.#waiting;
    while (!this.#isHeard) {
      const event = waiting[this.#told];
      if (event === undefined) break;
      this.#told++;
      this.#tellOne(event);
    }
    if (this.#told < waiting.length) return;
    this.#waiting = [];
    this.#told = 0;
    this.#tellLater();
    if (waiting.length > 0) this.#receiveOn();
  };

  /** Made once: a function made for each call is compiled anew after each collection. */
  readonly #goOn = (): void => {
    this.#isBehind = false;
    this.#advance(this.#connection.goOn());
    if (this.#isBehind) return;
    this.#tellLater();
    this.#receiveOn();
  };

  get #isWaiting(): boolean {
    return this.#isBehind || this.#isHeard || this.#waiting.length > 0 || this.#connection.awaitsAnswer;
  }

  #tellLater(): void {
    if (this.#isWaiting) return;
    const later = this.#later;
    this.#later = [];
    for (const told of later) told();
  }

  get #isFull(): boolean {
    return this.#kept >= mostKept;
  }

  /** What comes behind it may be for the kernel to open, or opened by it and nobody's to keep. */
  #holdForAnswer(): void {
    if (this.#connection.awaitsAnswer) this.#transport.pause();
  }

  #keep(length: number): void {
    this.#kept += length;
    if (this.#isFull) this.#transport.pause();
  }

  #receiveOn(): void {
    if (this.#isWanted && !this.#isStopped && !this.#connection.ended) this.#transport.resume();
  }

  get #isStopped(): boolean {
    return this.#isBehind || this.#isFull || this.#waiting.length > 0 || this.#connection.awaitsAnswer;
  }

  #inOrder(told: () => void): void {
    if (this.#isWaiting) this.#later.push(told);
    else told();
  }
}

/** queueMicrotask() would make a resource of async_hooks each time. */
const settled = Promise.resolve();

/** An honest peer sends no more while it waits: OpenSSL takes 100 KB of certificates, and a flight has hardly anything else. */
const mostKept = 128 * 1024;
