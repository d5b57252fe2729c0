import type net from 'node:net';
import nodeTls from 'node:tls';
import ktls from '../index.ts';
import type { Identity } from './self-signed.ts';

/** A TLS to run HTTPS on. Its server emits 'secureConnection', its sockets emit 'secureConnect'. */
export interface TlsImplementation {
  readonly name: 'ktls' | 'node:tls';
  createServer(identity: Identity): net.Server;
  /** What makes connections to localhost, all with one context that trusts this certificate alone. */
  createClient(trusted: string): (port: number) => net.Socket;
}

/** On the kernel wherever it can be, to show and to measure what it does. */
export const ours: TlsImplementation = {
  name: 'ktls',
  createServer: (identity) => ktls.createServer({ ...identity, ktls: 'prefer' }),
  createClient(trusted) {
    const secureContext = ktls.createSecureContext({ ca: trusted });
    return (port) => ktls.connect({ port, ...localhost, secureContext, ktls: 'prefer' });
  },
};

export const nodes: TlsImplementation = {
  name: 'node:tls',
  createServer: (identity) => nodeTls.createServer({ ...identity }),
  createClient(trusted) {
    const secureContext = nodeTls.createSecureContext({ ca: trusted });
    return (port) => nodeTls.connect({ port, ...localhost, secureContext });
  },
};

const localhost = { host: '127.0.0.1', servername: 'localhost' };
