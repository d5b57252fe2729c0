import net from 'node:net';
import type { Duplex } from 'node:stream';

const addressProperties = [
  'remoteAddress',
  'remotePort',
  'remoteFamily',
  'localAddress',
  'localPort',
  'localFamily',
] as const;

/** A net.Socket that has no libuv handle but a stream below it, which answers for its addresses and takes its socket options. */
export abstract class SocketOverStream extends net.Socket {
  /** The stream below, once there is one. */
  protected abstract readonly _ktlsBelow: Duplex | undefined;
  /** Bytes of plaintext, as a net.Socket counts its own. */
  protected abstract readonly _ktlsPlaintextRead: number;
  protected abstract readonly _ktlsPlaintextWritten: number;

  override address(): net.AddressInfo | Record<string, never> {
    return this.#socket?.address() ?? {};
  }

  override setNoDelay(noDelay?: boolean): this {
    this.#socket?.setNoDelay(noDelay);
    return this;
  }

  override setKeepAlive(...args: [options?: boolean | net.SetKeepAliveOptions, initialDelay?: number]): this {
    if (this.#socket) Reflect.apply(this.#socket.setKeepAlive, this.#socket, args);
    return this;
  }

  override ref(): this {
    this.#socket?.ref();
    return this;
  }

  override unref(): this {
    this.#socket?.unref();
    return this;
  }

  override resetAndDestroy(): this {
    this.#socket?.resetAndDestroy();
    this.destroy();
    return this;
  }

  get #socket(): net.Socket | undefined {
    return this._ktlsBelow instanceof net.Socket ? this._ktlsBelow : undefined;
  }

  static {
    // These are accessors on net.Socket's prototype, which look at the handle, but properties in its types: no `override get`.
    const define = (name: string, get: (socket: SocketOverStream) => unknown): void => {
      Object.defineProperty(SocketOverStream.prototype, name, {
        configurable: true,
        get(this: object) {
          return #isReady in this && this instanceof SocketOverStream ? get(this) : undefined;
        },
      });
    };
    for (const name of addressProperties) define(name, (socket) => socket.#socket?.[name]);
    define('pending', (socket) => (socket._ktlsBelow ? (socket.#socket?.pending ?? false) : true));
    define('bytesRead', (socket) => socket._ktlsPlaintextRead);
    define('bytesWritten', (socket) => socket._ktlsPlaintextWritten + socket.writableLength);
    define('bufferSize', (socket) => (socket.destroyed ? undefined : socket.writableLength));
  }

  /** Not on the prototype, and not before the constructor of net.Socket is done. */
  readonly #isReady = true;
}
