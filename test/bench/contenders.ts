import { once } from 'node:events';
import net from 'node:net';
import { duplexPair } from 'node:stream';
import nodeTls from 'node:tls';
import ktls from '../../src/index.ts';
import type { Identity } from '../helpers/certificates.ts';

export interface Suite {
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's name; both ends accept nothing else. */
  readonly cipher?: string;
  /** The only group of the key exchange. */
  readonly group?: string;
}

/** What is compared: this library with one of its record layers, or with handshakes in threads of their own, node:tls, or no TLS at all. `node:crypto` is `native` in a process without addons. */
export type ContenderName =
  | 'native'
  | 'one thread'
  | 'two threads'
  | 'node:crypto'
  | 'wasm'
  | 'kernel'
  | 'node:tls'
  | 'tcp';

export interface Contender {
  readonly name: ContenderName;
  /** Listens on 127.0.0.1. */
  listen(identity: Identity, suite: Suite, onConnection: (socket: net.Socket) => void): Promise<Listening>;
  /** What connects, each time with the same context. Emits {@link ready}. */
  connector(identity: Identity, suite: Suite): (port: number, options?: { session?: Buffer }) => net.Socket;
  readonly ready: 'secureConnect' | 'connect';
  /** Two connected ends over streams in memory. */
  inMemory?(identity: Identity, suite: Suite): Promise<Ends>;
}

interface Ends {
  readonly client: net.Socket;
  readonly server: net.Socket;
}

interface Listening {
  readonly port: number;
  close(): void;
}

/** `options` says which record layer it is to be; node:tls has only one. */
function tlsContender(name: ContenderName, tls: typeof ktls | typeof nodeTls, options: object): Contender {
  const settings = ({ version, cipher, group }: Suite) => ({
    minVersion: version,
    maxVersion: version,
    ...(cipher && { ciphers: cipher }),
    ...(group && { ecdhCurve: group }),
  });
  return {
    name,
    ready: 'secureConnect',
    async listen(identity, suite, onConnection) {
      const server: net.Server = tls.createServer({ ...identity, ...settings(suite), ...options });
      server.on('secureConnection', onConnection);
      return await listening(server);
    },
    connector(identity, suite) {
      // A context of node:tls for node:tls and one of ours for ours.
      const secureContext: object = tls.createSecureContext({ ca: identity.cert, ...settings(suite) });
      return (port, more) =>
        Reflect.apply(tls.connect, tls, [
          { port, host: '127.0.0.1', servername: 'localhost', secureContext, ...options, ...more },
        ]);
    },
    async inMemory(identity, suite) {
      const [near, far] = duplexPair();
      const listener: net.Server = tls.createServer({ ...identity, ...settings(suite), ...options });
      const accepted = once(listener, 'secureConnection');
      listener.emit('connection', far);
      const words = { socket: near, servername: 'localhost', ca: identity.cert, ...settings(suite), ...options };
      const client: net.Socket = Reflect.apply(tls.connect, tls, [words]);
      const [server] = await accepted;
      return { client, server };
    },
  };
}

const native: Contender = tlsContender('native', ktls, { ktls: 'off' });
export const nodes: Contender = tlsContender('node:tls', nodeTls, {});
const oneThread = tlsContender('one thread', ktls, { ktls: 'off', handshakeThreads: 1 });
const twoThreads = tlsContender('two threads', ktls, { ktls: 'off', handshakeThreads: 2 });
const nodeCrypto = tlsContender('node:crypto', ktls, { ktls: 'off' });
const wasm = tlsContender('wasm', ktls, { ktls: 'off', portableLayer: 'wasm' });
const kernel = tlsContender('kernel', ktls, { ktls: 'require' });
const tcp: Contender = {
  name: 'tcp',
  ready: 'connect',
  listen: (_identity, _suite, onConnection) => listening(net.createServer(onConnection)),
  connector: () => (port) => net.connect(port, '127.0.0.1'),
};

export const contenders: Readonly<Record<ContenderName, Contender>> = {
  native,
  'one thread': oneThread,
  'two threads': twoThreads,
  'node:crypto': nodeCrypto,
  wasm,
  kernel,
  'node:tls': nodes,
  tcp,
};

/** Those for bulk data: all that this machine has. */
export function bulkContenders(): ContenderName[] {
  // Without the addon `native` is another layer, and that is all this process is for.
  if (process.execArgv.includes('--no-addons')) return ['native', 'node:tls'];
  return ['native', ...(hasKernelTls() ? (['kernel'] as const) : []), 'wasm', 'node:tls', 'tcp'];
}

/** Those for whole connections, of which records are only a part. */
export function connectionContenders(): ContenderName[] {
  return bulkContenders().filter((name) => name !== 'wasm' && name !== 'tcp');
}

/** Whether this machine's kernel has TLS 1.3 in full. */
function hasKernelTls(): boolean {
  return ktls
    .probe()
    .ciphers.some(({ version, write, read, rekey }) => version === 'TLSv1.3' && rekey && !write && !read);
}

/** Two connected ends in this process; `connect` and `accept` may be of different contenders. */
export async function connectedPair(
  { client, server }: { client: Contender; server: Contender },
  identity: Identity,
  suite: Suite,
): Promise<{ client: net.Socket; server: net.Socket; close(): Promise<void> }> {
  let accept: (socket: net.Socket) => void = () => {};
  const accepted = new Promise<net.Socket>((resolve) => {
    accept = resolve;
  });
  const { port, close } = await server.listen(identity, suite, (socket) => accept(socket));
  const socket = client.connector(identity, suite)(port);
  await once(socket, client.ready);
  const other = await accepted;
  for (const end of [socket, other]) end.setNoDelay();
  return {
    client: socket,
    server: other,
    async close() {
      const closed = [socket, other].map((end) => once(end, 'close'));
      for (const end of [socket, other]) end.destroy();
      await Promise.all(closed);
      close();
    },
  };
}

async function listening(server: net.Server): Promise<Listening> {
  server.listen(0, '127.0.0.1', 8192);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port');
  return { port: address.port, close: () => void server.close() };
}
