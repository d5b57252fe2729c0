import type { Socket } from 'node:net';
import type { KernelCalls } from '../kernel/kernel-calls.ts';
import { Errno } from '../system-error.ts';
import { type TcpHandle, tcpHandle } from './tcp-handle.ts';

type Done = (error?: Error | null) => void;

/**
 * Sends past the socket's stream while that has nothing to send itself. Spares a second Writable, its write request and callback for
 * each message: about 4 of the 30 µs that one takes there and back.
 *
 * Where the system refuses, the stream has to find that out, and ends the socket with it. What has been received may say why, as an alert does that
 * came before the peer closed: so that is read before.
 */
export class DirectWriter {
  readonly #socket: Socket;
  readonly #handle: TcpHandle;
  readonly #calls: KernelCalls;
  #isRefused = false;
  #waiting = 0;

  constructor(socket: Socket, handle: TcpHandle, calls: KernelCalls) {
    this.#socket = socket;
    this.#handle = handle;
    this.#calls = calls;
  }

  /** Bytes that the system has not taken. */
  get pending(): number {
    return this.#socket.writableLength + this.#waiting;
  }

  /** As many bytes as the system takes at once; 0 where {@link write} has to do it, errors included. */
  send(bytes: Uint8Array): number {
    if (this.#isRefused || this.#socket.destroyed || this.pending > 0 || this.#socket.writableEnded) return 0;
    // Asked for each time: once the handle is closed, whoever did it, the number may be another's.
    const { fd } = this.#handle;
    if (fd < 0) return 0;
    const sent = this.#calls.send(fd, bytes);
    this.#isRefused = sent < 0 && sent !== -Errno.again;
    return Math.max(0, sent);
  }

  /** By the stream. */
  write(bytes: Uint8Array, done: Done): void {
    if (!this.#isRefused) {
      this.#socket.write(bytes, done);
      return;
    }
    this.#waiting += bytes.length;
    behindReceiving(() => {
      this.#waiting -= bytes.length;
      this.#socket.write(bytes, done);
    });
  }

  end(done: () => void): void {
    if (this.#isRefused) behindReceiving(() => this.#socket.end(done));
    else this.#socket.end(done);
  }
}

/** This turn of the event loop may have asked already what has arrived; the next one will. */
function behindReceiving(call: () => void): void {
  setImmediate(() => setImmediate(call));
}

/** Undefined where the socket has no descriptor. */
export function directWriter(socket: Socket, calls: KernelCalls): DirectWriter | undefined {
  const handle = tcpHandle(socket);
  return 'refused' in handle ? undefined : new DirectWriter(socket, handle, calls);
}
