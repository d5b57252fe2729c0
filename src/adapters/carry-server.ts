import type { Server as NetServer } from 'node:net';
import type tls from 'node:tls';
import { takeOver } from '../socket/server.ts';
import type { KtlsOptions } from './options.ts';

/** A new server of node:https or node:http2, carried by this library. */
export function carryServer<S extends NetServer>(server: S, options: tls.TlsOptions & KtlsOptions): S {
  // Which protocols to offer when the application does not say is the server's to know.
  const offered: unknown = Reflect.get(server, 'ALPNProtocols');
  const ours: object = { ...options, ALPNProtocols: offered instanceof Uint8Array ? offered : undefined };
  takeOver(server, ours);
  return server;
}
