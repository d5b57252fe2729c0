import tls from 'node:tls';

/**
 * node:tls as it was when this module was loaded. ktls/register puts this library in its place for everybody else, and what is
 * asked of it here must not come back.
 */
export const nodeTls: {
  readonly checkServerIdentity: typeof tls.checkServerIdentity;
  readonly connect: typeof tls.connect;
  readonly convertALPNProtocols: (protocols: unknown, out: object) => void;
  readonly createSecureContext: typeof tls.createSecureContext;
  readonly getCACertificates: typeof tls.getCACertificates | undefined;
  readonly getCiphers: typeof tls.getCiphers;
  readonly rootCertificates: typeof tls.rootCertificates;
  readonly Server: typeof tls.Server;
  readonly setDefaultCACertificates: typeof tls.setDefaultCACertificates;
  readonly TLSSocket: typeof tls.TLSSocket;
} = {
  checkServerIdentity: tls.checkServerIdentity,
  connect: tls.connect,
  convertALPNProtocols: Reflect.get(tls, 'convertALPNProtocols'),
  createSecureContext: tls.createSecureContext,
  getCACertificates: tls.getCACertificates,
  getCiphers: tls.getCiphers,
  rootCertificates: tls.rootCertificates,
  Server: tls.Server,
  setDefaultCACertificates: tls.setDefaultCACertificates,
  TLSSocket: tls.TLSSocket,
};
