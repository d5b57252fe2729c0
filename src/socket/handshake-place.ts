import net from 'node:net';
import type { Duplex } from 'node:stream';
import type { HandshakeSetup } from '../context/handshake.ts';
import { loadAddon } from '../platform/addon/addon.ts';
import type { SocketPoll } from '../platform/kernel/kernel-calls.ts';
import { type TcpHandle, tcpHandle } from '../platform/transport/tcp-handle.ts';
import { type HandshakeThread, handshakeThread } from '../threads/handshake-threads.ts';
import type { TLSSocketOptions } from './tls-socket-options.ts';

/** The thread for a handshake; undefined: this one. */
export function threadFor(
  { handshakeThreads, portableLayer, capture }: TLSSocketOptions,
  { answers, ech, reportsKeys }: HandshakeSetup,
): HandshakeThread | undefined {
  // OpenSSL cannot wait for what only this thread can answer, a capture would not see the records, and keys that are exported while a record of
  // theirs is on its way would protect another with the same nonce.
  const staysHere = Object.keys(answers ?? {}).length > 0 || ech || capture || reportsKeys || portableLayer === 'wasm';
  return staysHere ? undefined : handshakeThread(handshakeThreads);
}

/** Whether a process stays for the stream's sake. */
export function keepsProcess(stream: Duplex): boolean {
  const handle: unknown = Reflect.get(stream, '_handle');
  const hasRef: unknown = Reflect.get(Object(handle), 'hasRef');
  return typeof hasRef !== 'function' || Reflect.apply(hasRef, handle, []) === true;
}

/** A socket whose descriptor another thread reads and writes meanwhile. */
export class LentSocket {
  readonly #handle: TcpHandle;
  /** Has the duplicate, and closes it at the end of this thread too. */
  readonly #holder: SocketPoll;
  readonly #readStart = (): number => 0;
  #isLent = true;

  private constructor(handle: TcpHandle, holder: SocketPoll) {
    this.#handle = handle;
    this.#holder = holder;
    // Whoever has the socket, it would read what is the other thread's.
    handle.readStop();
    handle.reading = true;
    Object.defineProperty(handle, 'readStart', { configurable: true, value: this.#readStart });
  }

  /** Undefined where a stream has no descriptor, or has been read from or written to. */
  static of(stream: Duplex): LentSocket | undefined {
    const loaded = loadAddon();
    const calls = 'refused' in loaded ? undefined : loaded.addon.kernel;
    if (!calls || !(stream instanceof net.Socket) || stream.readableLength > 0) return undefined;
    if (stream.bytesRead > 0 || stream.bytesWritten > 0) return undefined;
    const handle = tcpHandle(stream);
    if ('refused' in handle) return undefined;
    try {
      return new LentSocket(handle, new calls.SocketPoll(handle.fd, () => {}));
    } catch {
      // There are no more descriptors: records then go through this thread.
      return undefined;
    }
  }

  /** The other thread has it. */
  get isLent(): boolean {
    return this.#isLent;
  }

  /** The duplicate: the number stays its own until {@link close}. */
  get descriptor(): number {
    return this.#holder.descriptor;
  }

  /** It is this thread's again. */
  takeBack(): void {
    this.#isLent = false;
    // A transport may have put its own in this place, for good.
    if (Reflect.get(this.#handle, 'readStart') !== this.#readStart) return;
    Reflect.deleteProperty(this.#handle, 'readStart');
    this.#handle.reading = false;
  }

  /** The other thread has done with the duplicate. */
  close(): void {
    this.#holder.close();
  }
}
