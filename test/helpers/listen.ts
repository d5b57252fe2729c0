import { once } from 'node:events';
import type net from 'node:net';

/** Listens on a free port of the loopback interface. The port. What it accepts by TLS may be reset: see {@link mayBeReset}. */
export async function listen(server: net.Server): Promise<number> {
  server.on('secureConnection', mayBeReset);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}

/**
 * A peer that goes with bytes unread, as the tickets of TLS 1.3 are to a client that is done, resets its connection. Windows tells of
 * it, where other systems are often too late to. Other errors that nobody listens to are thrown, as ever.
 */
function mayBeReset(socket: net.Socket): void {
  socket.on('error', (error) => {
    if (socket.listenerCount('error') === 1 && !('code' in error && error.code === 'ECONNRESET')) throw error;
  });
}
