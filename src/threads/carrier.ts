import type { KernelCalls, SocketPoll } from '../platform/kernel/kernel-calls.ts';
import { PollEvent } from '../platform/kernel/kernel-calls.ts';
import { Errno } from '../platform/system-error.ts';
import { RecordBuffer } from '../record/record-buffer.ts';

/** Whom a carrier gives what it receives. */
export interface CarrierReceiver {
  /** Called before something is read, and may close the carrier. */
  before(): void;
  /** Takes whole records, and answers how many bytes of them it has read. */
  records(bytes: Uint8Array): number;
  /** What it has read is gone from what {@link Carrier.close} leaves. */
  consumed(): void;
  /** What comes next is no record. */
  garbage(): void;
  end(): void;
  failed(errno: number, call: 'read' | 'write'): void;
}

/**
 * Moves a handshake's records on a descriptor, which is the main thread's to close when it has been told that it is done with: until then its number
 * cannot be another's.
 */
export class Carrier {
  readonly #descriptor: number;
  readonly #calls: KernelCalls;
  readonly #poll: SocketPoll;
  readonly #receiver: CarrierReceiver;
  readonly #readsExactly: boolean;
  readonly #buffer = new RecordBuffer();
  #unsent: Uint8Array[] = [];
  /** Nothing is read: it has not begun, or there is nothing more. */
  #isPaused = true;
  /** Nor written. */
  #hasFailed = false;
  #isClosed = false;

  /** Throws a system error where the descriptor cannot be watched. */
  constructor(descriptor: number, readsExactly: boolean, calls: KernelCalls, receiver: CarrierReceiver) {
    this.#descriptor = descriptor;
    this.#readsExactly = readsExactly;
    this.#calls = calls;
    this.#receiver = receiver;
    this.#poll = new calls.SocketPoll(descriptor, (status, events) => this.#onReady(status, events));
  }

  /** Gives what there is to the receiver, and what comes. */
  resume(): void {
    this.#isPaused = false;
    this.#deliver();
    this.#watch();
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosed || this.#hasFailed) return;
    this.#unsent.push(bytes);
    this.#flush();
    this.#watch();
  }

  /** Gives the descriptor up. What was read and not taken, and what the system has not taken yet. */
  close(): { readonly rest: Uint8Array; readonly unsent: readonly Uint8Array[] } {
    // Not slice(): of a Buffer that would be a view.
    const left = { rest: new Uint8Array(this.#buffer.takeAll()), unsent: this.#unsent };
    if (this.#isClosed) return left;
    this.#isClosed = true;
    this.#unsent = [];
    this.#poll.close();
    return left;
  }

  #watch(): void {
    if (this.#isClosed) return;
    if (this.#hasFailed) {
      this.#poll.stop();
      return;
    }
    const events =
      (this.#isPaused || this.#unsent.length > 0 ? 0 : PollEvent.readable) |
      (this.#unsent.length > 0 ? PollEvent.writable : 0);
    if (events === 0) this.#poll.stop();
    else this.#poll.start(events);
  }

  #onReady(status: number, events: number): void {
    if (this.#isClosed || this.#hasFailed) return;
    if (events & PollEvent.writable || (status < 0 && this.#unsent.length > 0)) {
      this.#flush();
      this.#watch();
    }
    if (this.#isClosed || this.#isPaused || this.#hasFailed || !(events & PollEvent.readable || status < 0)) return;
    this.#receiver.before();
    if (!this.#isClosed && !this.#isPaused && !this.#hasFailed) this.#read();
  }

  #flush(): void {
    for (let [first] = this.#unsent; first !== undefined; [first] = this.#unsent) {
      const sent = this.#calls.send(this.#descriptor, first);
      if (sent === -Errno.again) return;
      if (sent < 0) {
        this.#fail(sent, 'write');
        return;
      }
      if (sent < first.length) this.#unsent[0] = first.subarray(sent);
      else this.#unsent.shift();
    }
  }

  #read(): void {
    const most = this.#readsExactly ? Math.min(this.#buffer.missing, shared.length) : shared.length;
    const length = this.#poll.receive(shared, 0, most);
    if (length === -Errno.again) return;
    if (length < 0) {
      this.#fail(length, 'read');
      return;
    }
    if (length === 0) {
      this.#isPaused = true;
      this.#watch();
      this.#receiver.end();
      return;
    }
    this.#buffer.push(shared.subarray(0, length));
    this.#deliver();
    if (!this.#isClosed) this.#buffer.retain();
  }

  /** Told once. */
  #fail(errno: number, call: 'read' | 'write'): void {
    this.#hasFailed = true;
    this.#unsent = [];
    this.#watch();
    this.#receiver.failed(errno, call);
  }

  #deliver(): void {
    while (!this.#isClosed && !this.#isPaused && !this.#buffer.isEmpty) {
      const records = this.#buffer.leadingRecords(mostBytes);
      if (records) {
        this.#buffer.consume(this.#receiver.records(records));
        this.#receiver.consumed();
      } else {
        if (this.#buffer.fault) this.#receiver.garbage();
        return;
      }
    }
  }
}

const shared = Buffer.allocUnsafeSlow(64 * 1024);
/** For OpenSSL in one call. */
const mostBytes = 16 * 1024;
