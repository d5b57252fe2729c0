import http2 from 'node:http2';
import net from 'node:net';
import { Duplex } from 'node:stream';
import { getSystemErrorMap } from 'node:util';
import { gather } from '../socket/written-chunks.ts';
import { TLSSocket } from '../tls.ts';

/**
 * An HTTP/2 session reads and writes through a libuv handle. Where a stream has none, as our sockets do, node:http2 puts a socket of its
 * own in front of it, and asks that one whether the connection is encrypted, for its ALPN protocol, its peer's certificate and so on.
 * From here on those in front of our sockets know, and count as TLSSocket.
 */
export function bridgeHttp2(): void {
  if (bridged) return;
  bridged = true;
  const inFront = prototypeOfSocketsInFront();
  const forOurs: object = Object.create(inFront, { ...speakingForStream(), ...joiningWrites(inFront) });
  Object.defineProperty(TLSSocket, Symbol.hasInstance, {
    configurable: true,
    value(this: unknown, value: unknown): boolean {
      return isInstance.call(this, value) || (this === TLSSocket && isObject(value) && speaksFor.call(forOurs, value));
    },
  });
  // The one moment in its constructor at which it can be seen what a socket stands in front of.
  Object.defineProperty(inFront, 'stream', {
    configurable: true,
    set(this: net.Socket, stream: unknown) {
      Object.defineProperty(this, 'stream', { value: stream, configurable: true, enumerable: true, writable: true });
      if (!(stream instanceof TLSSocket)) return;
      Object.setPrototypeOf(this, forOurs);
      if (stream.secureConnecting) stream.once('secureConnect', () => tellConnected(this));
    },
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** A session waits for one of these, according to what it takes the socket for. */
function tellConnected(inFront: net.Socket): void {
  inFront.emit('secureConnect');
  inFront.emit('connect');
}

/** Its class is not public, its objects are. */
function prototypeOfSocketsInFront(): object {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const session = http2.connect('http://localhost', { createConnection: () => stream });
  session.on('error', () => {});
  const prototype: object = Object.getPrototypeOf(session.socket);
  session.destroy();
  return prototype;
}

/**
 * A session gives each frame, and the header of each, as new memory that nobody else has: what 64 KiB are is a part of a garbage collection. They are
 * joined where that fills records better, in memory that is used again, and their own is given back at once.
 */
function joiningWrites(inFront: object): PropertyDescriptorMap {
  const [doWrite, finishWrite] = [method(inFront, 'doWrite'), method(inFront, 'finishWrite')];
  if (!doWrite || !finishWrite) return {};
  /** By socket in front: it has one write at a time. */
  const releases = new WeakMap<object, () => void>();
  return {
    doWrite: {
      configurable: true,
      writable: true,
      value(this: object, request: unknown, chunks: Uint8Array[]): unknown {
        // Node's own function takes the last frames of a session that is shutting down, too, and fails with an assertion that ends the process.
        if (isDestroyed(Reflect.get(this, 'stream'))) return UV_ECANCELED;
        const { parts, release } = gather(chunks);
        const kept = new Set(parts);
        for (const chunk of chunks) if (!kept.has(chunk)) free(chunk);
        releases.set(this, release);
        // Of nothing at all there is nothing to write, and nobody would be told that it was: node:tls writes that, where it lies on such a socket.
        return Reflect.apply(doWrite, this, [request, parts.length > 0 ? parts : chunks]);
      },
    },
    finishWrite: {
      configurable: true,
      writable: true,
      value(this: object, ...args: unknown[]): unknown {
        releases.get(this)?.();
        releases.delete(this);
        return Reflect.apply(finishWrite, this, args);
      },
    },
  };
}

function isDestroyed(stream: unknown): boolean {
  return stream instanceof Duplex && stream.destroyed;
}

function method(prototype: object, name: string): CallableFunction | undefined {
  const value: unknown = Reflect.get(prototype, name);
  return typeof value === 'function' ? value : undefined;
}

/** Gives memory back that is a chunk's alone. */
function free({ buffer, length }: Uint8Array): void {
  if (length >= worthFreeing && length === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

const worthFreeing = 4096;

/** What is asked of the socket in front and answered by the one behind. */
function speakingForStream(): PropertyDescriptorMap {
  const names = new Set<string | symbol>(fields);
  let prototype: object = TLSSocket.prototype;
  while (prototype !== net.Socket.prototype) {
    for (const name of Reflect.ownKeys(prototype)) if (!(name in net.Socket.prototype)) names.add(name);
    prototype = Object.getPrototypeOf(prototype);
  }
  return Object.fromEntries([...names].map((name) => [name, answeredByStream(name)]));
}

function answeredByStream(name: string | symbol): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: true,
    get(this: object) {
      const stream: unknown = Reflect.get(this, 'stream');
      if (!(stream instanceof TLSSocket)) return undefined;
      const value: unknown = Reflect.get(stream, name);
      return typeof value === 'function' ? value.bind(stream) : value;
    },
    set(this: object, value: unknown) {
      const stream: unknown = Reflect.get(this, 'stream');
      if (stream instanceof TLSSocket) Reflect.set(stream, name, value);
    },
  };
}

let bridged = false;

/** libuv's number of it, which differs between systems. */
const UV_ECANCELED = [...getSystemErrorMap()].find(([, [name]]) => name === 'ECANCELED')?.[0] ?? -125;

const isInstance = Function.prototype[Symbol.hasInstance];
const speaksFor = Object.prototype.isPrototypeOf;

/** Of every TLSSocket, beside the members of its prototypes; and what a net.Socket asks its handle. */
const fields = [
  ...['authorizationError', 'authorized', 'alpnProtocol', 'closeNotifyReceived', 'encrypted', 'secureConnecting'],
  ...['server', 'servername'],
  ...['remoteAddress', 'remoteFamily', 'remotePort', 'localAddress', 'localFamily', 'localPort', 'address'],
  ...['ref', 'unref', 'setKeepAlive', 'setNoDelay'],
];
