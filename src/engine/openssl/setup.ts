import type { ImmediateAnswers } from '../../connection/handshake.ts';
import type { EngineContext } from './context.ts';
import { EchSetup } from './ech.ts';
import type { EngineExports } from './ffi.ts';
import type { LiveEngine } from './live-engine.ts';

/** What an engine is told before its handshake, and while it waits for the answer to a question. */
export class EngineSetup {
  readonly #engine: LiveEngine;
  readonly #exports: EngineExports;
  readonly ech: EchSetup;
  /** Keeps the context from being collected. */
  #context: EngineContext;
  #logsKeys = false;

  constructor(engine: LiveEngine, context: EngineContext) {
    this.#engine = engine;
    this.#exports = engine.module.exports;
    this.#context = context;
    this.ech = new EchSetup(engine);
  }

  /** The one in use: another than at first where {@link setContext} said so. */
  get context(): EngineContext {
    return this.#context;
  }

  /** Client: the server's name, sent in the hello (RFC 6066 §3). */
  setServerName(name: string): void {
    using text = this.#engine.module.heap.copyText(name);
    this.#engine.module.expect(this.#exports.ktls_engine_set_server_name(this.#engine.live, text.address));
  }

  /** `protocols` in wire format (RFC 7301 §3.1). A server answers with the first of its own that the client names too. */
  setAlpn(protocols: Uint8Array): void {
    using bytes = this.#engine.module.heap.copyIn(protocols);
    this.#engine.module.expect(this.#exports.ktls_engine_set_alpn(this.#engine.live, bytes.address, bytes.length));
  }

  /** Client: offers a session that an earlier output `session` gave. Throws {@link OpenSSLError} if it cannot be read. */
  setSession(session: Uint8Array): void {
    using bytes = this.#engine.module.heap.copyIn(session);
    this.#engine.module.expect(this.#exports.ktls_engine_set_session(this.#engine.live, bytes.address, bytes.length));
  }

  /** Server: asks for a certificate; `required` refuses clients that have none. */
  requestCertificate(required: boolean): void {
    this.#exports.ktls_engine_request_certificate(this.#engine.live, required ? 1 : 0);
  }

  /**
   * Outputs `keys` from here on, whenever a direction that OpenSSL protects itself gets new ones and they are of a cipher that kernels
   * know. To be called before the handshake.
   */
  reportKeys(): void {
    this.#exports.ktls_engine_report_keys(this.#engine.live);
  }

  /** Outputs `trace` from here on: every message in words. */
  trace(): void {
    this.#exports.ktls_engine_trace(this.#engine.live);
  }

  /** Server: outputs `question` before a certificate is shown, for {@link setOcspResponse}. */
  suspendForCertificate(): void {
    this.#exports.ktls_engine_suspend_for_certificate(this.#engine.live);
  }

  /** Server: outputs `question` when the client's hello has come, for {@link setContext} and {@link offerSession}. */
  suspendForHello(): void {
    this.#exports.ktls_engine_suspend_for_hello(this.#engine.live);
  }

  /** Server: the session that belongs to the client's session id. Throws {@link OpenSSLError} if it cannot be read. */
  offerSession(session: Uint8Array): void {
    using bytes = this.#engine.module.heap.copyIn(session);
    this.#engine.module.expect(this.#exports.ktls_engine_offer_session(this.#engine.live, bytes.address, bytes.length));
  }

  /** Server: outputs `session` for new sessions; clients always do. */
  reportSessions(): void {
    this.#exports.ktls_engine_report_sessions(this.#engine.live);
  }

  /** Client: asks for a stapled OCSP response, which comes as `ocspResponse`. */
  requestOcsp(): void {
    this.#exports.ktls_engine_request_ocsp(this.#engine.live);
  }

  /** Server: staples an OCSP response, DER. */
  setOcspResponse(response: Uint8Array): void {
    using bytes = this.#engine.module.heap.copyIn(response);
    this.#engine.module.expect(
      this.#exports.ktls_engine_set_ocsp_response(this.#engine.live, bytes.address, bytes.length),
    );
  }

  /** Who answers what OpenSSL asks while it negotiates. */
  answerWith(answers: ImmediateAnswers): void {
    this.#exports.ktls_engine_answers(
      this.#engine.live,
      this.#engine.module.questions.register(this.#engine.live, answers),
    );
  }

  /** Server: a hint for clients with pre-shared keys, TLS 1.2 only (RFC 4279 §2). */
  setPskHint(hint: string): void {
    using text = this.#engine.module.heap.copyText(hint);
    this.#engine.module.expect(this.#exports.ktls_engine_set_psk_hint(this.#engine.live, text.address));
  }

  /** The certificate and key of another context, for this connection alone. */
  useIdentity(context: EngineContext): void {
    this.#engine.module.expect(this.#exports.ktls_engine_use_identity(this.#engine.live, context.pointer));
  }

  /** Server, before the handshake: sessions that do not have this id are not resumed (SSL_CTX_set_session_id_context(3)). */
  setSessionIdContext(id: Uint8Array): void {
    using bytes = this.#engine.module.heap.copyIn(id);
    this.#engine.module.expect(
      this.#exports.ktls_engine_set_session_id_context(this.#engine.live, bytes.address, bytes.length),
    );
  }

  /** Server, while the client's hello waits: the context for its name, and the id that sessions to be resumed in it have. */
  setContext(context: EngineContext, sessionIdContext: Uint8Array): void {
    using id = this.#engine.module.heap.copyIn(sessionIdContext);
    this.#engine.module.expect(
      this.#exports.ktls_engine_set_context(this.#engine.live, context.pointer, id.address, id.length),
    );
    this.#context = context;
    if (this.#logsKeys) context.enableKeyLog();
  }

  /** Outputs `keyLog` from here on. */
  logKeys(): void {
    this.#logsKeys = true;
    this.#context.enableKeyLog();
    this.#exports.ktls_engine_want_key_log(this.#engine.live);
  }
}
