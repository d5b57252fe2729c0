import http2 from 'node:http2';
import net from 'node:net';
import { Duplex } from 'node:stream';
import { TLSSocket } from '../tls.ts';
import { passBy, writingPast } from './http2-writes.ts';

/**
 * An HTTP/2 session reads and writes through a libuv handle. Where a stream has none, as our sockets do, node:http2 puts a socket of its
 * own in front of it, and asks that one whether the connection is encrypted, for its ALPN protocol, its peer's certificate and so on.
 * From here on those in front of our sockets know, and count as TLSSocket.
 */
export function bridgeHttp2(): void {
  if (bridged) return;
  bridged = true;
  const inFront = prototypeOfSocketsInFront();
  const forOurs: object = Object.create(inFront, { ...speakingForStream(), ...writingPast(inFront) });
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
      streams.set(this, stream);
      Object.setPrototypeOf(this, forOurs);
      passBy(this, stream);
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
      const stream = streams.get(this);
      if (!stream) return undefined;
      const value: unknown = Reflect.get(stream, name);
      return typeof value === 'function' ? value.bind(stream) : value;
    },
    set(this: object, value: unknown) {
      const stream = streams.get(this);
      if (stream) Reflect.set(stream, name, value);
    },
  };
}

let bridged = false;

/** By the socket in front. */
const streams = new WeakMap<object, TLSSocket>();

const isInstance = Function.prototype[Symbol.hasInstance];
const speaksFor = Object.prototype.isPrototypeOf;

/** Of every TLSSocket, beside the members of its prototypes; and what a net.Socket asks its handle. */
const fields = [
  ...['authorizationError', 'authorized', 'alpnProtocol', 'closeNotifyReceived', 'encrypted', 'secureConnecting'],
  ...['server', 'servername'],
  ...['remoteAddress', 'remoteFamily', 'remotePort', 'localAddress', 'localFamily', 'localPort', 'address'],
  ...['ref', 'unref', 'setKeepAlive', 'setNoDelay'],
];
