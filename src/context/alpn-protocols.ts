import type tls from 'node:tls';
import { nodeTls } from '../platform/node-tls.ts';

/** Protocol names in wire format (RFC 7301 §3.1): node:tls's own conversion, with its errors. */
export function alpnProtocols(protocols: tls.TLSSocketOptions['ALPNProtocols']): Uint8Array | undefined {
  if (!protocols) return undefined;
  const out: { ALPNProtocols?: Uint8Array } = {};
  nodeTls.convertALPNProtocols(protocols, out);
  return out.ALPNProtocols;
}
