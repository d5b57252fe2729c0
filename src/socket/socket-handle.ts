import type { AsyncResource } from 'node:async_hooks';
import type net from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';
import { getSystemErrorMap } from 'node:util';
import { nodeTls } from '../platform/node-tls.ts';

/** What a handle is asked about. */
interface Owner
  extends Pick<net.Socket, 'remoteAddress' | 'remotePort' | 'remoteFamily' | 'isPaused' | 'writableLength'> {
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly localFamily?: string;
  verifyError(): Error | null;
}

/**
 * What programs ask of `_handle` and `ssl` of a TLSSocket, where node:tls has an object of libuv's and OpenSSL's. None is below ours:
 * nothing of net.Socket reads or writes through it, and `isStreamBase` is not there, by which node:http and node:http2 know.
 */
export class SocketHandle {
  /** net.Socket assigns to it. */
  onread: unknown = undefined;
  readonly #owner: Owner;
  readonly #below: Duplex | undefined;
  readonly #scope: AsyncResource;
  readonly #carrier: () => Duplex | undefined;

  /** `below`: the stream that was given; `carrier`: the one that there is. `scope`: in which the socket's events are told. */
  constructor(owner: Owner, below: Duplex | undefined, carrier: () => Duplex | undefined, scope: AsyncResource) {
    this.#owner = owner;
    this.#carrier = carrier;
    this.#scope = scope;
    this.#below = below;
    standUnderNodeTls();
  }

  /** Why the peer is not trusted; null once it is. Servers and clients that judge their peers themselves ask this. */
  verifyError(): Error | null {
    return this.#owner.verifyError();
  }

  /** The socket below, or for another stream what node:tls would have put in front of it; null where none was given. */
  get _parentWrap(): object | null {
    if (!this.#below) return null;
    if (hasHandle(this.#below)) return this.#below;
    return { constructor: socketInFront(), stream: this.#below };
  }

  /** The file descriptor of the socket that carries this one; -1 where there is none, or not yet. */
  get fd(): unknown {
    const handle: unknown = Reflect.get(this.#carrier() ?? {}, '_handle');
    return typeof handle === 'object' && handle !== null ? (Reflect.get(handle, 'fd') ?? -1) : -1;
  }

  /** Bytes that were written and have not gone. */
  get writeQueueSize(): number {
    return this.#owner.writableLength;
  }

  get reading(): boolean {
    return !this.#owner.isPaused();
  }

  /** node:http assigns to it, and starts or stops reading, as its streams go on and pause: that is all that ours have to know. */
  set reading(_: boolean) {}

  readStart(): number {
    return 0;
  }

  readStop(): number {
    return 0;
  }

  /** For async_hooks: the resource of whose making what happens here is a consequence. */
  getAsyncId(): number {
    return this.#scope.asyncId();
  }

  /** 0, or a negative number of libuv's. */
  getpeername(out: object): number {
    const { remoteAddress: address, remotePort: port, remoteFamily: family } = this.#owner;
    return answer(out, { address, port, family });
  }

  getsockname(out: object): number {
    const { localAddress: address, localPort: port, localFamily: family } = this.#owner;
    return answer(out, { address, port, family });
  }

  /** What is below is the socket's to close. */
  close(closed?: () => void): void {
    if (closed) setImmediate(closed);
  }
}

function answer(out: object, name: { address: string | undefined; port: number | undefined; family: unknown }): number {
  if (name.address === undefined) return UV_EBADF;
  Object.assign(out, name);
  return 0;
}

function hasHandle(stream: Duplex): boolean {
  return Boolean(Reflect.get(stream, '_handle'));
}

type InFront = new (stream: unknown) => { readonly _handle: object };

/** The class that node:tls puts in front of streams without a handle. It is not public, its objects are. */
function socketInFront(): InFront {
  if (found) return found;
  const secureContext = nodeTls.createSecureContext();
  const socket = new nodeTls.TLSSocket(new PassThrough(), { secureContext });
  const inFront: InFront = Reflect.get(Reflect.get(socket, '_handle'), '_parentWrap').constructor;
  found = inFront;
  socket.on('error', () => {}).destroy();
  return inFront;
}

let found: InFront | undefined;

/**
 * A TLSSocket of node:tls reads through the handle of the net.Socket that it is given, and would find this one, by which nothing can be
 * read. From here on it takes a socket of ours for a stream without a handle.
 */
function standUnderNodeTls(): void {
  if (stands) return;
  stands = true;
  const { prototype } = nodeTls.TLSSocket;
  const wrap: unknown = Reflect.get(prototype, '_wrapHandle');
  if (typeof wrap !== 'function') return;
  Reflect.set(prototype, '_wrapHandle', function wrapHandle(this: unknown, ...args: unknown[]): unknown {
    const [stream, handle, ...rest] = args;
    if (!(handle instanceof SocketHandle)) return Reflect.apply(wrap, this, args);
    const inFront = new (socketInFront())(stream);
    carriesTls.add(inFront);
    return Reflect.apply(wrap, this, [inFront, inFront._handle, ...rest]);
  });
}

let stands = false;

/** Sockets in front of ours that TLS of Node.js's stands on: it cannot be told within a write that this is done. */
export const carriesTls: WeakSet<object> = new WeakSet();

/** libuv's "bad file descriptor", which it answers for what is not connected: another number on Windows. */
const UV_EBADF = [...getSystemErrorMap()].find(([, [name]]) => name === 'EBADF')?.[0] ?? -9;
