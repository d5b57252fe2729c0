import { Duplex } from 'node:stream';
import { codedError, type TLSError } from '../errors/coded.ts';
import { nodeTls } from '../platform/node-tls.ts';

/**
 * Bad arguments get node:tls's own errors, word for word: what looks wrong to us is given to node:tls, which throws. Where it does
 * not, the argument is fine after all.
 */
export function letNodeRefuseContext(options: object): void {
  Reflect.apply(nodeTls.createSecureContext, undefined, [options]);
}

/** As {@link letNodeRefuseContext}, for a server's options. */
export function letNodeRefuseServer(options: object): void {
  Reflect.construct(nodeTls.Server, [options]);
}

/** As {@link letNodeRefuseContext}, for what a server is given instead of options for its context. */
export function letNodeRefuseServerContext(options: unknown): void {
  const server: object = Object.create(nodeTls.Server.prototype);
  Reflect.apply(Reflect.get(server, 'setSecureContext'), server, [options]);
}

/** As {@link letNodeRefuseContext}, for a client's options. */
export function letNodeRefuseConnect(options: object): void {
  const socket = nodeTls.connect({ ...options, secureContext: nodeTls.createSecureContext(), socket: nowhere() });
  socket.on('error', () => {});
  socket.destroy();
}

/** As {@link letNodeRefuseContext}, for the callbacks of a TLSSocket made by hand. */
export function letNodeRefuseSocket(options: object): void {
  const secureContext = nodeTls.createSecureContext();
  const given: object = { ...options, secureContext };
  const socket: Duplex = Reflect.construct(nodeTls.TLSSocket, [nowhere(), given]);
  socket.on('error', () => {});
  socket.destroy();
}

/** As {@link letNodeRefuseContext}, for the arguments of a method of an unconnected socket. */
export function letNodeRefuseCall(method: string, args: readonly unknown[]): void {
  const socket = new nodeTls.TLSSocket(nowhere(), { secureContext: nodeTls.createSecureContext() });
  socket.on('error', () => {});
  try {
    const call: unknown = Reflect.get(socket, method);
    if (typeof call === 'function') Reflect.apply(call, socket, args);
  } finally {
    socket.destroy();
  }
}

function nowhere(): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
}

/** Whether an option has one of the types that node:tls takes; null and undefined always pass. */
export function isOneOf(
  value: unknown,
  ...types: readonly ('string' | 'number' | 'boolean' | 'function' | 'bytes')[]
): boolean {
  if (value === undefined || value === null) return true;
  return types.some((type) => (type === 'bytes' ? ArrayBuffer.isView(value) : typeof value === type));
}

export const multipleCallback = (): TLSError => codedError('ERR_MULTIPLE_CALLBACK', 'Callback called multiple times');
export const socketClosed = (): TLSError => codedError('ERR_SOCKET_CLOSED', 'Socket is closed');
