import type { PrivateKey } from '../host/private-key.ts';
import { abandoned } from './abandoned.ts';
import type { ContextPointer, EngineExports } from './ffi.ts';
import type { HeapBytes } from './heap.ts';
import type { EngineModule } from './module.ts';
import type { TrustStore } from './trust-store.ts';

/**
 * What connections have in common: identity, trust, and what may be negotiated (OpenSSL's SSL_CTX).
 * Setters throw {@link OpenSSLError} for what OpenSSL does not accept.
 */
export class EngineContext {
  /** For {@link Engine} only. */
  readonly pointer: ContextPointer;
  readonly module: EngineModule;
  readonly #exports: EngineExports;

  constructor(module: EngineModule, versions: { min: number; max: number }) {
    const { exports } = module;
    const pointer = module.expect(exports.ktls_context_new(versions.min, versions.max));
    this.module = module;
    this.#exports = exports;
    this.pointer = pointer;
    abandoned.register(this, () => exports.ktls_context_free(pointer));
  }

  /** TLS 1.2 suites, in the format of ciphers(1). */
  setCipherList(names: string): void {
    this.#withText(names, (text) => this.#exports.ktls_context_set_cipher_list(this.pointer, text.address));
  }

  /** TLS 1.3 suites, separated by colons; an empty string leaves none. */
  setCipherSuites(names: string): void {
    this.#withText(names, (text) => this.#exports.ktls_context_set_cipher_suites(this.pointer, text.address));
  }

  /** Groups for key exchange, separated by colons (SSL_CTX_set1_groups_list(3)). */
  setGroups(names: string): void {
    this.#withText(names, (text) => this.#exports.ktls_context_set_groups(this.pointer, text.address));
  }

  /** Signature algorithms, separated by colons (SSL_CTX_set1_sigalgs_list(3)). */
  setSignatureAlgorithms(names: string): void {
    this.#withText(names, (text) => this.#exports.ktls_context_set_signature_algorithms(this.pointer, text.address));
  }

  /** SSL_OP_* bits (SSL_CTX_set_options(3)). */
  setOptions(options: bigint): void {
    this.#exports.ktls_context_set_options(this.pointer, Number(options & 0xffffffffn), Number(options >> 32n));
  }

  clearOptions(options: bigint): void {
    this.#exports.ktls_context_clear_options(this.pointer, Number(options & 0xffffffffn), Number(options >> 32n));
  }

  /** Separates this server's sessions from those of others, at most 32 bytes (SSL_CTX_set_session_id_context(3)). */
  setSessionIdContext(id: Uint8Array): void {
    this.#withBytes(id, (bytes) =>
      this.#exports.ktls_context_set_session_id_context(this.pointer, bytes.address, bytes.length),
    );
  }

  setSessionTimeout(seconds: number): void {
    this.#exports.ktls_context_set_session_timeout(this.pointer, seconds);
  }

  /** A certificate and its chain, PEM. Its key comes next: {@link usePrivateKey}. */
  useCertificate(pem: Uint8Array): void {
    this.#withBytes(pem, (bytes) =>
      this.#exports.ktls_context_use_certificate(this.pointer, bytes.address, bytes.length),
    );
  }

  /** The key of the last certificate, PEM, decrypted with `passphrase` where it is encrypted. */
  usePrivateKey(pem: Uint8Array, passphrase?: string): void {
    this.#withBytes(pem, (bytes) => {
      if (passphrase === undefined) {
        return this.#exports.ktls_context_use_private_key(this.pointer, bytes.address, bytes.length, 0);
      }
      using secret = this.module.heap.copyText(passphrase);
      return this.#exports.ktls_context_use_private_key(this.pointer, bytes.address, bytes.length, secret.address);
    });
  }

  /** A key of the last certificate that stays outside: `publicKey` is its DER SubjectPublicKeyInfo. */
  useKey(publicKey: Uint8Array, key: PrivateKey): void {
    const number = this.module.signatures.add(key);
    try {
      this.#withBytes(publicKey, ({ address, length }) =>
        this.#exports.ktls_context_use_key(this.pointer, address, length, number),
      );
    } catch (error) {
      this.module.signatures.forget(number);
      throw error;
    }
  }

  /**
   * A PKCS #12 file: key, certificate, and issuers, which `store` then trusts. Answers the key as PKCS #8, the caller's to wipe: with
   * {@link useKey} it leaves OpenSSL's memory.
   */
  usePfx(der: Uint8Array, passphrase: string, store: TrustStore): Uint8Array {
    using bytes = this.module.heap.copyIn(der);
    using secret = this.module.heap.copyText(passphrase);
    const { address, length } = bytes;
    const used = this.#exports.ktls_context_use_pfx(this.pointer, address, length, secret.address, store.pointer);
    return this.module.result(this.module.expect(used)) ?? new Uint8Array();
  }

  /** `nameToClients`: a certificate request names the store's certificates as acceptable issuers. */
  useTrustStore(store: TrustStore, nameToClients: boolean): void {
    const { module } = this;
    module.expect(this.#exports.ktls_context_use_store(this.pointer, store.pointer, nameToClients ? 1 : 0));
  }

  /** The key that seals tickets, 48 bytes: name, HMAC secret, AES key (RFC 5077 §4). Shared between servers, one's tickets are good at the others. */
  get ticketKeys(): Uint8Array | undefined {
    return this.module.result(this.#exports.ktls_context_ticket_keys(this.pointer));
  }

  /**
   * Keys for tickets, 48 bytes each, at most 16, in the order of their time. All of them open; `sealing` is the place of the one that seals. Who
   * comes with a ticket of an earlier one gets a new ticket (RFC 5077 §3.3).
   */
  setTicketKeys(keys: Uint8Array, sealing = 0): void {
    this.#withBytes(keys, (bytes) =>
      this.#exports.ktls_context_set_ticket_keys(this.pointer, bytes.address, bytes.length, sealing),
    );
  }

  /** Finite-field Diffie-Hellman with groups by the certificate's strength. */
  setDhAuto(): void {
    this.module.expect(this.#exports.ktls_context_set_dh_auto(this.pointer));
  }

  /** Diffie-Hellman parameters, PEM. Answers their size in bits; below 1024 they are not used. */
  setDhParameters(pem: Uint8Array): number {
    using bytes = this.module.heap.copyIn(pem);
    return this.module.expect(this.#exports.ktls_context_set_dh(this.pointer, bytes.address, bytes.length));
  }

  /** The certificate, or its issuer's, DER. */
  certificate(which: 'own' | 'issuer'): Uint8Array | undefined {
    return this.module.result(this.#exports.ktls_context_certificate(this.pointer, which === 'issuer' ? 1 : 0));
  }

  /** OpenSSL's names of the suites that can be negotiated. */
  get ciphers(): string[] {
    return this.module.resultText(this.#exports.ktls_context_ciphers(this.pointer))?.split(':') ?? [];
  }

  /** Lets engines ask for key log lines. */
  enableKeyLog(): void {
    this.#exports.ktls_context_enable_key_log(this.pointer);
  }

  #withText(text: string, call: (text: HeapBytes) => number): void {
    using copied = this.module.heap.copyText(text);
    this.module.expect(call(copied));
  }

  #withBytes(bytes: Uint8Array, call: (bytes: HeapBytes) => number): void {
    using copied = this.module.heap.copyIn(bytes);
    this.module.expect(call(copied));
  }
}
