import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { EngineModule } from '../../engine/openssl/module.ts';
import { TrustStore } from '../../engine/openssl/trust-store.ts';
import { nodeTls } from '../node-tls.ts';

/** Certificates that are trusted where none are given. */
export class DefaultRoots {
  readonly certificates: readonly string[];
  readonly #stores = new WeakMap<EngineModule, TrustStore>();
  #digest: string | undefined;

  constructor(certificates: readonly string[]) {
    this.certificates = certificates;
  }

  /** A store of them, shared by all who ask in that module. */
  store(module: EngineModule): TrustStore {
    const made = this.#stores.get(module);
    if (made) return made;
    const store = new TrustStore(module);
    this.#stores.set(module, store);
    for (const certificate of this.certificates) store.add(Buffer.from(certificate));
    return store;
  }

  /** Tells these from others. */
  get digest(): string {
    this.#digest ??= createHash('sha256').update(JSON.stringify(this.certificates)).digest('hex');
    return this.#digest;
  }
}

let roots: DefaultRoots | undefined;

/** The certificates that node:tls trusts when it is given none, NODE_EXTRA_CA_CERTS included. Read once and shared. */
export function defaultRoots(): DefaultRoots {
  roots ??= new DefaultRoots(defaultCertificates());
  return roots;
}

/** Another thread's, which are to be this one's. */
export function adoptDefaultRoots(certificates: readonly string[]): void {
  roots = rootsOf(certificates);
}

/** Another thread's, of which a store is made once. */
export function rootsOf(certificates: readonly string[]): DefaultRoots {
  const given = new DefaultRoots(certificates);
  const known = foreign.get(given.digest)?.deref();
  if (known) return known;
  foreign.set(given.digest, new WeakRef(given));
  return given;
}

/** By digest. Applications change them a few times, if at all. */
const foreign = new Map<string, WeakRef<DefaultRoots>>();

/** node:tls was given others. */
export function resetDefaultRoots(): void {
  roots = undefined;
}

/** What node:tls trusts by default, PEM. */
export function defaultCertificates(): readonly string[] {
  // Node.js 22.15 and later tell all of them.
  if (nodeTls.getCACertificates) return nodeTls.getCACertificates('default');
  const extra = process.env.NODE_EXTRA_CA_CERTS;
  return extra ? [...nodeTls.rootCertificates, readFileSync(extra, 'utf8')] : nodeTls.rootCertificates;
}
