import { once } from 'node:events';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { afterEach, expect } from 'vitest';
import * as ktls from '../../src/index.ts';
import { listen } from '../helpers/listen.ts';
import type { Identities } from './identities.ts';
import { owned, servePlain } from './scenario.ts';

/** With what node:tls takes and its declarations do not have. */
export interface ClientOptions extends tls.ConnectionOptions {
  readonly onread?: net.OnReadOpts;
  readonly signal?: AbortSignal;
}

/** The whole of node:tls, by whoever does it. */
export interface Library {
  readonly name: string;
  readonly connect: (options: ClientOptions) => tls.TLSSocket;
  readonly createServer: (options: tls.TlsOptions) => tls.Server;
  readonly createSecureContext: (options?: tls.SecureContextOptions) => tls.SecureContext;
  /** A TLSSocket made by hand. */
  readonly secure: (stream: Duplex, options?: tls.TLSSocketOptions) => tls.TLSSocket;
}

/** Who is the client, and who the server. */
export interface Pair {
  readonly name: string;
  readonly client: Library;
  readonly server: Library;
}

export const node: Library = {
  name: 'node:tls',
  connect: (options) => tls.connect(options),
  createServer: (options) => tls.createServer(options),
  createSecureContext: (options) => tls.createSecureContext(options),
  secure: (stream, options) => Reflect.construct(tls.TLSSocket, [stream, options]),
};

function ours(portableLayer: 'native' | 'wasm'): Library {
  return {
    name: portableLayer,
    connect: (options) => ktls.connect({ ...options, ktls: 'off', portableLayer }),
    createServer: (options) => ktls.createServer({ ...options, ktls: 'off', portableLayer }),
    createSecureContext: (options) => ktls.createSecureContext(options),
    secure: (stream, options) =>
      Reflect.construct(ktls.TLSSocket, [stream, { ...options, ktls: 'off', portableLayer }]),
  };
}

const native = ours('native');
const wasm = ours('wasm');

const pairOf = (client: Library, server: Library): Pair => ({
  name: `${client.name} → ${server.name}`,
  client,
  server,
});

/** Ours on one side at least: each must do what node:tls does by itself. */
export const pairs: readonly Pair[] = [
  pairOf(native, node),
  pairOf(node, native),
  pairOf(native, native),
  pairOf(wasm, wasm),
];

export const versions = ['TLSv1.2', 'TLSv1.3'] as const;

/** Observes the same of a pair as of node:tls with itself, and answers it. */
export async function same<Seen>(pair: Pair, observe: (pair: Pair) => Promise<Seen>): Promise<Seen> {
  const expected = await observe(pairOf(node, node));
  const seen = await observe(pair);
  expect(seen).toEqual(expected);
  return seen;
}

/** A client of node:tls or ours to a server at `port`, which trusts the authority. */
export function dial(
  library: Library,
  port: number,
  identities: Identities,
  options: ClientOptions = {},
): tls.TLSSocket {
  const local = { host: '127.0.0.1', port, servername: 'localhost', ca: identities.authority.cert };
  return owned(library.connect({ ...local, ...options }));
}

const servers = new Set<tls.Server>();

afterEach(() => {
  for (const server of servers) server.close();
  servers.clear();
});

/**
 * A server on a free port, closed behind the test with the TLS sockets it accepted, whose errors are no matter. The sockets below them are
 * left alone: Node.js 24 crashes where one is destroyed under a TLSSocket of node:tls.
 */
export async function listening(
  library: Library,
  options: tls.TlsOptions,
): Promise<{ readonly server: tls.Server; readonly port: number }> {
  const server = library.createServer(options);
  server.on('secureConnection', (socket) => owned(socket).on('error', () => {}));
  servers.add(server);
  return { server, port: await listen(server) };
}

/** Both ends of a connection, secure. */
export interface Ends {
  readonly client: tls.TLSSocket;
  readonly accepted: tls.TLSSocket;
  readonly server: tls.Server;
  readonly port: number;
}

/** Connects the two of a pair. Rejects with the client's error. */
export async function open(
  pair: Pair,
  identities: Identities,
  options: { server?: tls.TlsOptions; client?: tls.ConnectionOptions } = {},
): Promise<Ends> {
  const { server, port } = await listening(pair.server, { ...identities.server, ...options.server });
  const client = dial(pair.client, port, identities, options.client);
  return { ...(await bothSecure(server, client)), server, port };
}

/** Resolves when the handshake is done at both ends. */
export async function bothSecure(
  server: tls.Server,
  client: tls.TLSSocket,
): Promise<{ readonly client: tls.TLSSocket; readonly accepted: tls.TLSSocket }> {
  const [[accepted]] = await Promise.all([once(server, 'secureConnection'), once(client, 'secureConnect')]);
  if (!(accepted instanceof net.Socket) || !isTls(accepted)) throw new Error('not a TLS socket');
  return { client, accepted };
}

function isTls(socket: net.Socket): socket is tls.TLSSocket {
  return 'getCipher' in socket;
}

/** What a handshake came to, at both ends: `secure`, or the code of what went wrong. */
export async function outcome(
  pair: Pair,
  identities: Identities,
  options: { server?: tls.TlsOptions; client?: tls.ConnectionOptions } = {},
): Promise<{ client: unknown; server: unknown }> {
  const { server, port } = await listening(pair.server, { ...identities.server, ...options.server });
  const atServer = new Promise<unknown>((resolve) => {
    server.once('secureConnection', () => resolve('secure'));
    server.once('tlsClientError', (error) => resolve(codeOf(error)));
  });
  const client = dial(pair.client, port, identities, options.client);
  // A server of TLS 1.3 may refuse a client that takes itself for secure already.
  const atClient = new Promise<unknown>((resolve) => {
    client.once('error', (error) => resolve(codeOf(error)));
    client.once('secureConnect', () => void atServer.then((told) => told === 'secure' && resolve('secure')));
    client.once('close', () => resolve('closed'));
    client.resume();
  });
  return { client: await atClient, server: await atServer };
}

/** What getEphemeralKeyInfo tells. The node:tls of Node.js 22 does not tell of groups by their names, as ours does everywhere. */
export function exchangeOf(socket: tls.TLSSocket): object | null {
  const told = socket.getEphemeralKeyInfo();
  return isNode22 && told && Reflect.get(told, 'type') === 'TLSGroup' ? {} : told;
}

/** The release whose node:tls differs from ours in what the tests that ask for it name. */
export const isNode22: boolean = process.versions.node.startsWith('22.');

/** The code of an error, or its message where it has none. */
export function codeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return 'code' in error && error.code !== undefined ? error.code : error.message;
}

/** What a call throws: its code, name and message. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error instanceof Error ? [codeOf(error), error.name, error.message] : error;
  }
  return undefined;
}

/** A relay to `port` that keeps what passes. */
export async function tap(port: number): Promise<{ port: number; toClient: () => Buffer; toServer: () => Buffer }> {
  const [toClient, toServer]: [Buffer[], Buffer[]] = [[], []];
  const relay = await servePlain((front) => {
    const back = owned(net.connect(port, '127.0.0.1')).on('error', () => front.destroy());
    front.on('data', (chunk: Buffer) => toServer.push(chunk)).pipe(back);
    back.on('data', (chunk: Buffer) => toClient.push(chunk)).pipe(front);
  });
  return { port: relay, toClient: () => Buffer.concat(toClient), toServer: () => Buffer.concat(toServer) };
}
