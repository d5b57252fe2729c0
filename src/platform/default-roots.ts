import { readFileSync } from 'node:fs';
import { TrustStore } from '../engine/trust-store.ts';
import { engineModule } from './engine-host.ts';
import { nodeTls } from './node-tls.ts';

let store: TrustStore | undefined;

/** The certificates that node:tls trusts when it is given none, NODE_EXTRA_CA_CERTS included. Read once and shared. */
export function defaultTrustStore(): TrustStore {
  if (!store) {
    store = new TrustStore(engineModule());
    for (const certificate of defaultCertificates()) store.add(Buffer.from(certificate));
  }
  return store;
}

/** node:tls was given others. */
export function resetDefaultTrustStore(): void {
  store = undefined;
}

/** What node:tls trusts by default, PEM. */
export function defaultCertificates(): readonly string[] {
  // Node.js 22.15 and later tell all of them.
  if (nodeTls.getCACertificates) return nodeTls.getCACertificates('default');
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  return extra ? [...nodeTls.rootCertificates, readFileSync(extra, 'utf8')] : nodeTls.rootCertificates;
}
