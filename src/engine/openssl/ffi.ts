/** An address in the wasm heap of something of kind `Kind`. Only the ffi makes them. */
export type Pointer<Kind extends string> = number & { readonly __pointsTo: Kind };

export type EnginePointer = Pointer<'ktls_engine'>;
export type ContextPointer = Pointer<'SSL_CTX'>;
export type StorePointer = Pointer<'X509_STORE'>;
export type BytesPointer = Pointer<'bytes'>;
export type LogPointer = Pointer<'ktls_log'>;
export type EchKeysPointer = Pointer<'OSSL_ECHSTORE'>;

type Text = BytesPointer;
type Flag = number;

/**
 * Of which bindings these are: what `ktls_bindings` of the module must answer. test/engine/bindings.test.ts says the number that belongs to
 * wasm/*.[ch].
 */
export const bindings = 0x27f103a5;

/** The module's exports, declared in wasm/*.c with KTLS_EXPORT. 0 is failure or NULL unless said otherwise there. */
export interface EngineExports {
  readonly memory: WebAssembly.Memory;
  malloc(length: number): BytesPointer;
  free(address: BytesPointer): void;
  ktls_scratch_address(): BytesPointer;
  ktls_result_address(): LogPointer;
  ktls_log_free(log: LogPointer | EnginePointer): void;
  ktls_errors(): void;
  ktls_offer_group(group: number): void;
  ktls_offer_counter_mode(leastBlocks: number): void;
  ktls_live_allocations(): number;
  ktls_unfinished_bytes(): number;
  ktls_openssl_version(): Flag;
  ktls_bindings(): number;

  ktls_store_new(): StorePointer;
  ktls_store_free(store: StorePointer): void;
  ktls_store_add(store: StorePointer, pem: BytesPointer, length: number): number;
  ktls_store_add_all(store: StorePointer, from: StorePointer): Flag;
  ktls_store_allow_partial_chains(store: StorePointer): void;
  ktls_store_add_crl(store: StorePointer, pem: BytesPointer, length: number): Flag;

  ktls_context_new(minVersion: number, maxVersion: number): ContextPointer;
  ktls_context_free(context: ContextPointer): void;
  ktls_context_set_cipher_list(context: ContextPointer, names: Text): Flag;
  ktls_context_set_cipher_suites(context: ContextPointer, names: Text): Flag;
  ktls_context_set_groups(context: ContextPointer, names: Text): Flag;
  ktls_context_set_signature_algorithms(context: ContextPointer, names: Text): Flag;
  ktls_context_set_session_id_context(context: ContextPointer, id: BytesPointer, length: number): Flag;
  ktls_context_set_options(context: ContextPointer, low: number, high: number): void;
  ktls_context_clear_options(context: ContextPointer, low: number, high: number): void;
  ktls_context_use_certificate(context: ContextPointer, pem: BytesPointer, length: number): Flag;
  ktls_context_use_private_key(context: ContextPointer, pem: BytesPointer, length: number, passphrase: Text | 0): Flag;
  ktls_context_use_key(context: ContextPointer, der: BytesPointer, length: number, key: number): Flag;
  ktls_context_check_private_key(context: ContextPointer): Flag;
  ktls_context_use_pfx(
    context: ContextPointer,
    der: BytesPointer,
    length: number,
    passphrase: Text,
    store: StorePointer,
  ): Flag;
  ktls_context_use_store(context: ContextPointer, store: StorePointer, nameToClients: Flag): Flag;
  ktls_context_enable_key_log(context: ContextPointer): void;
  ktls_context_ticket_keys(context: ContextPointer): Flag;
  ktls_context_set_ticket_keys(context: ContextPointer, keys: BytesPointer, length: number, sealing: number): Flag;
  ktls_context_set_dh_auto(context: ContextPointer): Flag;
  ktls_context_set_dh(context: ContextPointer, pem: BytesPointer, length: number): number;
  ktls_context_certificate(context: ContextPointer, issuer: Flag): Flag;
  ktls_context_ciphers(context: ContextPointer): Flag;
  ktls_context_set_session_timeout(context: ContextPointer, seconds: number): void;

  ktls_engine_new(context: ContextPointer, server: Flag, offloadRead: number, offloadWrite: number): EnginePointer;
  ktls_engine_free(engine: EnginePointer): void;
  ktls_engine_resume(engine: EnginePointer): void;
  ktls_engine_receive(engine: EnginePointer, length: number): number;
  ktls_engine_in_message(engine: EnginePointer): Flag;
  ktls_engine_saw_data(engine: EnginePointer): void;
  ktls_engine_fail(engine: EnginePointer, description: number): void;
  ktls_engine_write(engine: EnginePointer, length: number): Flag;
  ktls_engine_close(engine: EnginePointer): void;
  ktls_engine_update_keys(engine: EnginePointer, request: Flag): Flag;
  ktls_engine_set_server_name(engine: EnginePointer, name: Text): Flag;
  ktls_engine_set_alpn(engine: EnginePointer, protocols: BytesPointer, length: number): Flag;
  ktls_engine_request_certificate(engine: EnginePointer, required: Flag): void;
  ktls_engine_report_keys(engine: EnginePointer): void;
  ktls_engine_want_key_log(engine: EnginePointer): void;
  ktls_engine_trace(engine: EnginePointer): void;
  ktls_engine_suspend_for_certificate(engine: EnginePointer): void;
  ktls_engine_suspend_for_hello(engine: EnginePointer): void;
  ktls_engine_report_sessions(engine: EnginePointer): void;
  ktls_engine_offer_session(engine: EnginePointer, session: BytesPointer, length: number): Flag;
  ktls_engine_request_ocsp(engine: EnginePointer): void;
  ktls_engine_set_ocsp_response(engine: EnginePointer, response: BytesPointer, length: number): Flag;
  ktls_engine_answers(engine: EnginePointer, questions: number): void;
  ktls_engine_set_psk_hint(engine: EnginePointer, hint: Text): Flag;
  ktls_engine_use_identity(engine: EnginePointer, context: ContextPointer): Flag;
  ktls_engine_set_context(engine: EnginePointer, context: ContextPointer, id: BytesPointer, length: number): Flag;
  ktls_engine_set_session_id_context(engine: EnginePointer, id: BytesPointer, length: number): Flag;
  ktls_engine_set_session(engine: EnginePointer, session: BytesPointer, length: number): Flag;
  ktls_engine_session(engine: EnginePointer): Flag;
  ktls_engine_version(engine: EnginePointer): number;
  ktls_engine_negotiated(engine: EnginePointer): Flag;
  ktls_engine_server_name(engine: EnginePointer): Flag;
  ktls_engine_verified_chain(engine: EnginePointer): Flag;
  ktls_engine_own_certificate(engine: EnginePointer): Flag;
  ktls_engine_finished_message(engine: EnginePointer, peer: Flag): Flag;
  ktls_engine_ticket(engine: EnginePointer): Flag;
  ktls_engine_ephemeral_key(engine: EnginePointer): Flag;
  ktls_engine_shared_sigalgs(engine: EnginePointer): Flag;
  ktls_engine_export(
    engine: EnginePointer,
    length: number,
    label: Text,
    context: BytesPointer | 0,
    contextLength: number,
  ): Flag;
}

/** What wasm/ech.c adds, where the module's OpenSSL has Encrypted ClientHello. */
export interface EchExports {
  ktls_ech_keys_new(): EchKeysPointer;
  ktls_ech_keys_free(keys: EchKeysPointer): void;
  ktls_ech_keys_add(keys: EchKeysPointer, pem: BytesPointer, length: number, retry: Flag): Flag;
  ktls_ech_generate(publicName: Text, maxNameLength: number, kem: number, kdf: number, aead: number): Flag;
  ktls_engine_use_ech_keys(engine: EnginePointer, keys: EchKeysPointer): Flag;
  ktls_engine_set_ech_configs(engine: EnginePointer, list: BytesPointer, length: number): Flag;
  ktls_engine_set_ech_outer_name(engine: EnginePointer, name: Text): Flag;
  ktls_engine_set_ech_outer_alpn(engine: EnginePointer, protocols: BytesPointer, length: number): Flag;
  ktls_engine_grease_ech(engine: EnginePointer): void;
  ktls_engine_ech(engine: EnginePointer): Flag;
}
