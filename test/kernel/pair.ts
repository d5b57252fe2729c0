import { once } from 'node:events';
import { type AddressInfo, createServer, connect as netConnect, Socket } from 'node:net';
import nodeTls from 'node:tls';
import * as ktls from '../../src/index.ts';
import { type Cell, kernelOnly, only } from './cells.ts';
import { identity } from './identity.ts';

type Side = 'ours' | 'node';

export interface PairOptions {
  readonly cell: Cell;
  readonly server?: Side;
  readonly client?: Side;
  /** Of our own ends. */
  readonly serverOptions?: Partial<ktls.TLSSocketOptions>;
  readonly clientOptions?: Partial<ktls.ConnectOptions>;
}

/** The two ends of a TLS connection, secure, and nothing of it read yet. */
export interface Pair<Server = ktls.TLSSocket, Client = ktls.TLSSocket> {
  readonly server: Server;
  readonly client: Client;
}

/** Both ends ours. */
export async function ourPair(options: Omit<PairOptions, 'server' | 'client'>): Promise<Pair> {
  const [accepted, connected] = await tcpPair();
  const server = new ktls.TLSSocket(accepted, ourServer(options));
  const client = ktls.connect(ourClient(options, connected));
  await Promise.all([once(server, 'secure'), once(client, 'secureConnect')]);
  return track({ server, client });
}

/** We accept, node:tls connects. */
export async function serverPair(options: PairOptions): Promise<Pair<ktls.TLSSocket, nodeTls.TLSSocket>> {
  const [accepted, connected] = await tcpPair();
  const server = new ktls.TLSSocket(accepted, ourServer(options));
  const client = nodeTls.connect({
    socket: connected,
    ca: identity.cert,
    servername: 'localhost',
    ...only(options.cell),
  });
  await Promise.all([once(server, 'secure'), once(client, 'secureConnect')]);
  // Destroyed under its TLSSocket, Node.js 24 reads from an SSL that is gone.
  open.delete(connected);
  return track({ server, client });
}

/** node:tls accepts, we connect. */
export async function clientPair(options: PairOptions): Promise<Pair<nodeTls.TLSSocket, ktls.TLSSocket>> {
  const [accepted, connected] = await tcpPair();
  const secureContext = nodeTls.createSecureContext({ ...identity, ...only(options.cell) });
  const server = new nodeTls.TLSSocket(accepted, { isServer: true, secureContext });
  const client = ktls.connect(ourClient(options, connected));
  await Promise.all([once(server, 'secure'), once(client, 'secureConnect')]);
  open.delete(accepted);
  return track({ server, client });
}

export function ourServer({ cell, serverOptions }: PairOptions): ktls.TLSSocketOptions {
  const secureContext = ktls.createSecureContext({ ...identity, ...only(cell) });
  return { isServer: true, secureContext, ktls: kernelOnly, ...serverOptions };
}

export function ourClient({ cell, clientOptions }: PairOptions, socket: Socket): ktls.ConnectOptions {
  return { socket, ca: identity.cert, servername: 'localhost', ktls: kernelOnly, ...only(cell), ...clientOptions };
}

/** Two connected TCP sockets: accepted, connecting. */
export async function tcpPair(): Promise<[Socket, Socket]> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connected = netConnect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [accepted] = await Promise.all([once(server, 'connection'), once(connected, 'connect')]);
  server.close();
  const [socket] = accepted;
  if (!(socket instanceof Socket)) throw new Error('no socket was accepted');
  open.add(socket).add(connected);
  return [socket, connected];
}

const open = new Set<Socket>();

export function track<P extends Pair<Socket, Socket>>(pair: P): P {
  open.add(pair.server).add(pair.client);
  return pair;
}

/** Ends what a test has left open. */
export async function closePairs(): Promise<void> {
  const left = [...open].filter((socket) => !socket.closed);
  open.clear();
  await Promise.all(
    left.map((socket) => {
      socket.on('error', () => {});
      const closed = once(socket, 'close');
      socket.destroy();
      return closed;
    }),
  );
}
