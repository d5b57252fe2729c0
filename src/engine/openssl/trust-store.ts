import { abandoned } from './abandoned.ts';
import type { StorePointer } from './ffi.ts';
import type { EngineModule } from './module.ts';

/** Certificates that chains may end in, and revocation lists. Shared by any number of contexts. */
export class TrustStore {
  /** For {@link EngineContext} only. */
  readonly pointer: StorePointer;
  readonly module: EngineModule;

  constructor(module: EngineModule) {
    const pointer = module.expect(module.exports.ktls_store_new());
    this.module = module;
    this.pointer = pointer;
    abandoned.register(this, () => module.exports.ktls_store_free(pointer));
  }

  /** Trusts each certificate of a PEM text. Throws {@link OpenSSLError} if one cannot be read. Answers how many there were. */
  add(pem: Uint8Array): number {
    using bytes = this.module.heap.copyIn(pem);
    const count = this.module.exports.ktls_store_add(this.pointer, bytes.address, bytes.length);
    return count === 0 ? 0 : this.module.expect(count);
  }

  /** Trusts all that another store trusts now. */
  addAll(other: TrustStore): void {
    this.module.expect(this.module.exports.ktls_store_add_all(this.pointer, other.pointer));
  }

  /** Adds a certificate revocation list, PEM; every chain is then checked against the lists. */
  addCrl(pem: Uint8Array): void {
    using bytes = this.module.heap.copyIn(pem);
    this.module.expect(this.module.exports.ktls_store_add_crl(this.pointer, bytes.address, bytes.length));
  }

  /** Chains may end in any certificate of the store, not only in a self-signed one. */
  allowPartialChains(): void {
    this.module.exports.ktls_store_allow_partial_chains(this.pointer);
  }
}
