import type net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import * as ktls from '../../src/index.ts';

/** What the tests use of a TLS socket, whoever made it. */
export interface TlsSocket extends net.Socket {
  readonly authorized: boolean;
  readonly authorizationError: Error | string | null;
  readonly alpnProtocol: string | false | null;
  readonly encrypted: boolean;
  getProtocol(): string | null;
  isSessionReused(): boolean;
  getSession(): Buffer | undefined;
}

interface CommonOptions {
  readonly ca?: string | string[];
  readonly cert?: string;
  readonly key?: string | { pem: string; passphrase?: string }[];
  readonly pfx?: Buffer;
  readonly passphrase?: string;
  readonly ciphers?: string;
  readonly minVersion?: tls.SecureVersion;
  readonly maxVersion?: tls.SecureVersion;
  readonly ALPNProtocols?: string[];
  readonly rejectUnauthorized?: boolean;
  readonly allowHalfOpen?: boolean;
}

export interface ClientOptions extends CommonOptions {
  readonly host?: string;
  readonly port?: number;
  readonly socket?: Duplex;
  readonly servername?: string;
  readonly session?: Buffer;
  readonly timeout?: number;
  readonly checkServerIdentity?: typeof tls.checkServerIdentity;
}

export interface ServerOptions extends CommonOptions {
  readonly requestCert?: boolean;
  readonly handshakeTimeout?: number;
}

/** node:tls, or one of our portable layers. */
export interface Implementation {
  readonly name: string;
  connect(options: ClientOptions): TlsSocket;
  createServer(options: ServerOptions): net.Server;
}

export const nodeTls: Implementation = {
  name: 'node:tls',
  connect: (options) => tls.connect(options),
  createServer: (options) => tls.createServer(options),
};

/** Ours, each of which must do what node:tls does. */
export const ours: readonly (Implementation & { readonly layer: 'native' | 'wasm' })[] = (
  ['native', 'wasm'] as const
).map((layer) => ({
  name: layer,
  layer,
  connect: (options) => ktls.connect({ ...options, ktls: 'off', portableLayer: layer }),
  createServer: (options) => ktls.createServer({ ...options, ktls: 'off', portableLayer: layer }),
}));
