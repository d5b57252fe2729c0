import type { Socket } from 'node:net';

/** What libuv's handle of a TCP socket has, of which Node.js documents nothing. */
export interface TcpHandle {
  /** Negative once closed. */
  readonly fd: number;
  reading: boolean;
  readStop(): number;
}

/** The socket's handle, or why it has none with a descriptor. */
export function tcpHandle(socket: Socket): TcpHandle | { refused: string } {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (!handle || typeof handle !== 'object') return { refused: 'the stream has no socket of its own' };
  if (!isTcpHandle(handle)) return { refused: 'the socket is no TCP socket' };
  return handle;
}

function isTcpHandle(handle: object): handle is TcpHandle {
  return (
    handle.constructor.name === 'TCP' &&
    'fd' in handle &&
    typeof handle.fd === 'number' &&
    handle.fd >= 0 &&
    'readStop' in handle &&
    typeof handle.readStop === 'function'
  );
}
