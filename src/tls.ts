import { createSecureContext, SecureContext } from './context/secure-context.ts';
import { nodeTls } from './platform/node-tls.ts';
import { defaultCertificates, resetDefaultRoots } from './platform/openssl/default-roots.ts';
import { connect } from './socket/connect.ts';
import { createServer, Server } from './socket/server.ts';
import { TLSSocket } from './socket/tls-socket.ts';

export type { SecureContextOptions } from './context/secure-context.ts';
export type { ConnectOptions } from './socket/connect.ts';
export type { KtlsMode, KtlsOption } from './socket/ktls-policy.ts';
export type { ServerOptions } from './socket/server.ts';
export type { TLSSocketOptions } from './socket/tls-socket-options.ts';
export { connect, createSecureContext, createServer, SecureContext, Server, TLSSocket };

/** node:tls's own: these know of certificates and names, not of connections. */
export const checkServerIdentity: typeof nodeTls.checkServerIdentity = nodeTls.checkServerIdentity;
export const getCiphers: typeof nodeTls.getCiphers = nodeTls.getCiphers;
export const rootCertificates: typeof nodeTls.rootCertificates = nodeTls.rootCertificates;

/** As tls.getCACertificates of node:tls. Before Node.js 22.15 only the default ones can be told. */
export function getCACertificates(type?: 'bundled' | 'default' | 'extra' | 'system'): string[] {
  if (nodeTls.getCACertificates) return nodeTls.getCACertificates(type);
  return type === undefined || type === 'default' ? [...defaultCertificates()] : [...nodeTls.rootCertificates];
}

/** As tls.setDefaultCACertificates of node:tls, whose certificates it sets too. */
export function setDefaultCACertificates(certificates: readonly (string | NodeJS.ArrayBufferView)[]): void {
  nodeTls.setDefaultCACertificates(certificates);
  resetDefaultRoots();
}

/** Algorithms for compressed certificates (RFC 8879): none is built in. */
export function getCertificateCompressionAlgorithms(): never[] {
  return [];
}

/** As tls.convertALPNProtocols of node:tls, which does not document it. */
export function convertALPNProtocols(protocols: unknown, out: object): void {
  nodeTls.convertALPNProtocols(protocols, out);
}
