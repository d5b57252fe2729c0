import { heed } from './context/changeable.ts';
import { defaults } from './context/defaults.ts';
import { kernelSupport as probe } from './platform/kernel/kernel-support.ts';
import { versions } from './platform/versions.ts';
import { setHandshakeThreads } from './threads/handshake-threads.ts';
import * as names from './tls.ts';

export type { CipherSupport, KernelSupport } from './platform/kernel/kernel-support.ts';
export type { SendFileOptions } from './socket/send-file.ts';
export type { SendableFile } from './socket/sendable-file.ts';
export type { ConnectOptions as ConnectionOptions, ServerOptions as TlsOptions } from './tls.ts';
export * from './tls.ts';
export { probe, setHandshakeThreads, versions };

/**
 * The same names as properties, for `import tls from 'ktls'` and `require('ktls')`. Its DEFAULT_* properties, createSecureContext and
 * checkServerIdentity may be assigned to, which changes what this module does, as with node:tls.
 */
const tls: typeof names &
  typeof defaults & {
    probe: typeof probe;
    setHandshakeThreads: typeof setHandshakeThreads;
    versions: typeof versions;
  } = Object.assign(Object.create(null), names, { ...defaults }, { probe, setHandshakeThreads, versions });
heed(tls);

/** The same names for types, as `tls.TLSSocket` is one with node:tls. */
declare namespace tls {
  type ConnectionOptions = names.ConnectOptions;
  type SecureContext = names.SecureContext;
  type SecureContextOptions = names.SecureContextOptions;
  type Server = names.Server;
  type TLSSocket = names.TLSSocket;
  type TLSSocketOptions = names.TLSSocketOptions;
  type TlsOptions = names.ServerOptions;
}

export { tls as default, tls as 'module.exports' };
