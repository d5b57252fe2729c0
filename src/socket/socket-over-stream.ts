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

/** The object that the next net.Socket is made on: see {@link constructOn}. */
let given: object | undefined;

/** net.Socket, for a class to extend; made on an object that is there already where {@link constructOn} is at work. */
const SocketBase: typeof net.Socket = new Proxy(net.Socket, {
  construct(target, args: unknown[], newTarget) {
    const self = given;
    given = undefined;
    if (!self) return Reflect.construct(target, args, newTarget);
    Reflect.apply(target, self, args);
    return self;
  },
});

/** Makes `self`, which inherits from a class that extends {@link SocketOverStream}, one of `made`: as calling it would, were it a function. */
export function constructOn(self: object, made: new (...args: never[]) => net.Socket, args: unknown[]): void {
  given = self;
  try {
    Reflect.construct(made, args);
  } finally {
    given = undefined;
  }
}

/**
 * Objects may inherit from a class of ours and be made by net.Socket alone, as sockets of tests do that stand for real ones: what ours
 * overrides is net.Socket's for these.
 */
export function leaveOthersToNet(...prototypes: readonly object[]): void {
  for (const prototype of prototypes) {
    for (const [name, { value: ours }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      const inherited: unknown = Reflect.get(net.Socket.prototype, name);
      if (name === 'constructor' || typeof ours !== 'function' || typeof inherited !== 'function') continue;
      const value = function (this: object, ...args: unknown[]): unknown {
        return Reflect.apply(SocketOverStream.isOne(this) ? ours : inherited, this, args);
      };
      Object.defineProperty(value, 'name', { value: name });
      Object.defineProperty(prototype, name, { configurable: true, writable: true, value });
    }
  }
}

/** What such a socket has instead of a handle. */
export interface StreamBelow {
  /** The stream below, once there is one. */
  readonly below: Duplex | undefined;
  /** Bytes of plaintext, as a net.Socket counts its own. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** A net.Socket that has no libuv handle but a stream below it, which answers for its addresses and takes its socket options. */
export abstract class SocketOverStream extends SocketBase {
  protected abstract readonly _ktlsStream: StreamBelow;

  override address(): net.AddressInfo | Record<string, never> {
    return this.#socket?.address() ?? {};
  }

  override setNoDelay(noDelay?: boolean): this {
    this.#socket?.setNoDelay(noDelay);
    return this;
  }

  override setKeepAlive(
    ...args: [options?: boolean | object, delay?: number, interval?: number, count?: number]
  ): this {
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
    const { below } = this._ktlsStream;
    return below instanceof net.Socket ? below : undefined;
  }

  static {
    // These are accessors on net.Socket's prototype, which look at the handle, but properties in its types: no `override get`.
    const define = (name: string, get: (socket: SocketOverStream) => unknown): void => {
      Object.defineProperty(SocketOverStream.prototype, name, {
        configurable: true,
        get(this: object) {
          return SocketOverStream.isOne(this) ? get(this) : Reflect.get(net.Socket.prototype, name, this);
        },
        // Bun's net.Socket has some of them in each object, which its constructor sets.
        ...(!(name in net.Socket.prototype) && { set: () => {} }),
      });
    };
    for (const name of addressProperties) define(name, (socket) => socket.#socket?.[name]);
    define('pending', (socket) => (socket._ktlsStream.below ? (socket.#socket?.pending ?? false) : true));
    define('bytesRead', (socket) => socket._ktlsStream.bytesRead);
    define('bytesWritten', (socket) => socket._ktlsStream.bytesWritten + socket.writableLength);
    define('bufferSize', (socket) => (socket.destroyed ? undefined : socket.writableLength));
  }

  /** Whether it was made by our constructors. */
  static isOne(value: object): value is SocketOverStream {
    return #isReady in value;
  }

  /** Not on the prototype, and not before the constructor of net.Socket is done. */
  readonly #isReady = true;
}
