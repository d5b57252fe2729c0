import type { ContentTypeByte } from '../protocol/content-type.ts';
import { secretBytes } from '../protocol/secret-bytes.ts';
import { abandoned } from './abandoned.ts';
import { certificates } from './certificate-list.ts';
import type { EngineContext } from './context.ts';
import type { EngineExports, EnginePointer } from './ffi.ts';
import { InstanceLost } from './instance.ts';
import type { EngineModule } from './module.ts';
import { ownLibrary, ownReasons } from './openssl-error.ts';
import type { Direction, Output } from './outputs.ts';
import { byteText, parseOutputs } from './outputs.ts';
import type { Answers } from './questions.ts';

/** AEADs as the kernel numbers them (linux/tls.h, TLS_CIPHER_*). */
export const offloadable = { aes128Gcm: 51, aes256Gcm: 52, chacha20Poly1305: 54 } as const;

export interface EngineOptions {
  readonly isServer: boolean;
  /** By direction, the cipher types that a record layer outside will take. None: OpenSSL protects all records itself. */
  readonly offload: Readonly<Record<Direction, readonly number[]>>;
}

/**
 * One connection's TLS state: OpenSSL without a socket. Records go in, {@link Output}s come out; it does nothing by itself and knows
 * no time. Dispose of it when the connection ends.
 */
export class Engine {
  readonly module: EngineModule;
  /** Called when the module is lost and this with it, also while nothing is being done; what puts out outputs puts out an error, too. */
  onLost: ((error: Error) => void) | undefined;
  /** Keeps the context from being collected. */
  #context: EngineContext;
  readonly #pointer: EnginePointer;
  readonly #exports: EngineExports;
  readonly #entry: WeakRef<Engine>;
  #disposed = false;
  #running = false;
  #unread = 0;
  #logsKeys = false;

  constructor(context: EngineContext, { isServer, offload }: EngineOptions) {
    const { module } = context;
    const { exports } = module;
    const [read, write] = [mask(offload.read), mask(offload.write)];
    const pointer = module.expect(exports.ktls_engine_new(context.pointer, isServer ? 1 : 0, read, write));
    this.module = module;
    this.#context = context;
    this.#exports = exports;
    this.#pointer = pointer;
    const entry = new WeakRef(this);
    this.#entry = entry;
    module.engines.add(entry);
    abandoned.register(this, () => release(module, pointer, entry), this);
  }

  /** Starts the handshake: a client's hello comes out. Also goes on after the output `suspended`. */
  resume(): Output[] {
    return this.#unlessLost(() => {
      this.#run((pointer) => this.#exports.ktls_engine_resume(pointer));
      return this.#outputs();
    });
  }

  /**
   * Takes whole records as they came from the peer, at most 32 KiB of them; {@link unread} tells how much of them it left. Also what is no
   * record, or too long for one: OpenSSL then says what is wrong.
   */
  receiveCiphertext(records: Uint8Array): Output[] {
    const { heap, scratch } = this.module;
    if (records.length > scratchLength) throw new RangeError(`at most ${scratchLength} bytes of TLS records in a call`);
    return this.#unlessLost(() => {
      heap.write(scratch, records);
      return this.#receive(records.length);
    });
  }

  /**
   * Bytes at the end of what {@link receiveCiphertext} was given last that it has not read: what lies behind the record that brought other
   * keys, which may be for somebody else to open, or behind the one that suspended the handshake.
   */
  get unread(): number {
    return this.#unread;
  }

  /** A handshake message has arrived in part: only the rest of it may come now (RFC 8446 §5.1). */
  get inMessage(): boolean {
    return this.#exports.ktls_engine_in_message(this.#live) === 1;
  }

  /** To be told of application data that OpenSSL has not seen, before it gets an alert: warnings in a row are counted (RFC 8446 §6). */
  sawData(): void {
    this.#exports.ktls_engine_saw_data(this.#live);
  }

  /** Sends a fatal alert (RFC 8446 §6.2), under the keys that are in use. The engine is of no use after. */
  fail(description: number): Output[] {
    return this.#unlessLost(() => {
      this.#exports.ktls_engine_fail(this.#live, description);
      return this.#outputs();
    });
  }

  /** Takes a record that another record layer opened; meant for all but application data, which need not come here. */
  receivePlaintext(type: ContentTypeByte, fragment: Uint8Array): Output[] {
    const { heap, scratch } = this.module;
    if (fragment.length > maxFragmentLength) throw new RangeError('a TLS fragment is at most 16384 bytes long');
    const record = secretBytes(headerLength + fragment.length);
    record.set([type, 3, 3, fragment.length >> 8, fragment.length & 0xff]);
    record.set(fragment, headerLength);
    const outputs = this.#unlessLost(() => {
      heap.write(scratch, record);
      record.fill(0);
      return this.#receive(record.length);
    });
    if (this.#unread > 0 && !this.#disposed && outputs.at(-1)?.kind !== 'error') {
      throw new Error('the engine was given a record while it waited for something else');
    }
    return outputs;
  }

  /** Protects application data. Only for a direction whose keys were not handed out. */
  write(data: Uint8Array): Output[] {
    const { heap, scratch } = this.module;
    return this.#unlessLost(() => {
      for (let at = 0; at < data.length; at += maxFragmentLength) {
        const part = data.subarray(at, at + maxFragmentLength);
        heap.write(scratch, part);
        if (!this.#exports.ktls_engine_write(this.#live, part.length)) break;
      }
      return this.#outputs();
    });
  }

  /** Sends close_notify. */
  close(): Output[] {
    return this.#unlessLost(() => {
      this.#exports.ktls_engine_close(this.#live);
      return this.#outputs();
    });
  }

  /** Sends KeyUpdate; `requestPeer` asks the peer for one too. Throws {@link OpenSSLError} before TLS 1.3 or the handshake's end. */
  updateKeys(requestPeer: boolean): Output[] {
    return this.#unlessLost(() => {
      this.module.expect(this.#exports.ktls_engine_update_keys(this.#live, requestPeer ? 1 : 0));
      return this.#outputs();
    });
  }

  /** Client: the server's name, sent in the hello (RFC 6066 §3). */
  setServerName(name: string): void {
    using text = this.module.heap.copyText(name);
    this.module.expect(this.#exports.ktls_engine_set_server_name(this.#live, text.address));
  }

  /** `protocols` in wire format (RFC 7301 §3.1). A server answers with the first of its own that the client names too. */
  setAlpn(protocols: Uint8Array): void {
    using bytes = this.module.heap.copyIn(protocols);
    this.module.expect(this.#exports.ktls_engine_set_alpn(this.#live, bytes.address, bytes.length));
  }

  /** Client: offers a session that an earlier output `session` gave. Throws {@link OpenSSLError} if it cannot be read. */
  setSession(session: Uint8Array): void {
    using bytes = this.module.heap.copyIn(session);
    this.module.expect(this.#exports.ktls_engine_set_session(this.#live, bytes.address, bytes.length));
  }

  /** Server: asks for a certificate; `required` refuses clients that have none. */
  requestCertificate(required: boolean): void {
    this.#exports.ktls_engine_request_certificate(this.#live, required ? 1 : 0);
  }

  /** Outputs `keyLog` from here on. */
  logKeys(): void {
    this.#logsKeys = true;
    this.#context.enableKeyLog();
    this.#exports.ktls_engine_want_key_log(this.#live);
  }

  /**
   * Outputs `keys` from here on, whenever a direction that OpenSSL protects itself gets new ones and they are of a cipher that kernels
   * know. To be called before the handshake.
   */
  reportKeys(): void {
    this.#exports.ktls_engine_report_keys(this.#live);
  }

  /** Outputs `trace` from here on: every message in words. */
  trace(): void {
    this.#exports.ktls_engine_trace(this.#live);
  }

  /** Server: outputs `suspended` before a certificate is shown, for {@link setOcspResponse}. */
  suspendForCertificate(): void {
    this.#exports.ktls_engine_suspend_for_certificate(this.#live);
  }

  /** Server: outputs `suspended` when the client's hello has come, for {@link setContext} and {@link offerSession}. */
  suspendForHello(): void {
    this.#exports.ktls_engine_suspend_for_hello(this.#live);
  }

  /** Server: the session that belongs to the client's session id. Throws {@link OpenSSLError} if it cannot be read. */
  offerSession(session: Uint8Array): void {
    using bytes = this.module.heap.copyIn(session);
    this.module.expect(this.#exports.ktls_engine_offer_session(this.#live, bytes.address, bytes.length));
  }

  /** Server: outputs `session` for new sessions; clients always do. */
  reportSessions(): void {
    this.#exports.ktls_engine_report_sessions(this.#live);
  }

  /** Client: asks for a stapled OCSP response, which comes as `ocspResponse`. */
  requestOcsp(): void {
    this.#exports.ktls_engine_request_ocsp(this.#live);
  }

  /** Server: staples an OCSP response, DER. */
  setOcspResponse(response: Uint8Array): void {
    using bytes = this.module.heap.copyIn(response);
    this.module.expect(this.#exports.ktls_engine_set_ocsp_response(this.#live, bytes.address, bytes.length));
  }

  /** Who answers what OpenSSL asks while it negotiates. */
  answerWith(answers: Answers): void {
    this.#exports.ktls_engine_answers(this.#live, this.module.questions.register(this.#live, answers));
  }

  /** Server: a hint for clients with pre-shared keys, TLS 1.2 only (RFC 4279 §2). */
  setPskHint(hint: string): void {
    using text = this.module.heap.copyText(hint);
    this.module.expect(this.#exports.ktls_engine_set_psk_hint(this.#live, text.address));
  }

  /** The certificate and key of another context, for this connection alone. */
  useIdentity(context: EngineContext): void {
    this.module.expect(this.#exports.ktls_engine_use_identity(this.#live, context.pointer));
  }

  /** Server, before the handshake: sessions that do not have this id are not resumed (SSL_CTX_set_session_id_context(3)). */
  setSessionIdContext(id: Uint8Array): void {
    using bytes = this.module.heap.copyIn(id);
    this.module.expect(this.#exports.ktls_engine_set_session_id_context(this.#live, bytes.address, bytes.length));
  }

  /** Server, while the client's hello waits: the context for its name, and the id that sessions to be resumed in it have. */
  setContext(context: EngineContext, sessionIdContext: Uint8Array): void {
    using id = this.module.heap.copyIn(sessionIdContext);
    this.module.expect(this.#exports.ktls_engine_set_context(this.#live, context.pointer, id.address, id.length));
    this.#context = context;
    if (this.#logsKeys) context.enableKeyLog();
  }

  get context(): EngineContext {
    return this.#context;
  }

  /** Protocol version as on the wire. */
  get version(): number {
    return this.#exports.ktls_engine_version(this.#live);
  }

  /** The largest fragment that may be sent, in bytes: 16384 if nothing less was negotiated (RFC 6066 §4). */
  get maxFragmentLength(): number {
    return this.#exports.ktls_engine_max_fragment(this.#live);
  }

  /** The negotiated suite: OpenSSL's name, the IANA one, and the version that introduced it. */
  get cipher(): { name: string; standardName: string; version: string } | undefined {
    const text = this.module.resultText(this.#exports.ktls_engine_cipher(this.#live));
    if (text === undefined) return undefined;
    const [name = '', standardName = '', version = ''] = text.split('\n');
    return { name, standardName, version };
  }

  /** The group of the key exchange, by OpenSSL's name. */
  get group(): string | undefined {
    return this.module.resultText(this.#exports.ktls_engine_group(this.#live));
  }

  /** The random of either side's hello, 32 bytes once it is known. */
  random(side: 'client' | 'server'): Uint8Array | undefined {
    return this.module.result(this.#exports.ktls_engine_random(this.#live, side === 'server' ? 1 : 0));
  }

  /** What the server signed its handshake with, as RFC 8446 §4.2.3 calls it; undefined in a resumed session. */
  get signatureScheme(): string | undefined {
    return this.module.resultText(this.#exports.ktls_engine_signature_scheme(this.#live));
  }

  /** A character for each byte: a name should be ASCII (RFC 6066 §3), and what is not must be the same to all who look at it. */
  get serverName(): string | undefined {
    const bytes = this.module.result(this.#exports.ktls_engine_server_name(this.#live));
    return bytes && byteText(bytes);
  }

  get alpn(): string | undefined {
    return this.module.resultText(this.#exports.ktls_engine_alpn(this.#live));
  }

  get sessionReused(): boolean {
    return this.#exports.ktls_engine_session_reused(this.#live) === 1;
  }

  /** The session as it is now, in OpenSSL's ASN.1. */
  get session(): Uint8Array | undefined {
    return this.module.result(this.#exports.ktls_engine_session(this.#live));
  }

  /** 0, or an X509_V_ERR_* code (X509_verify_cert_error_string(3)). */
  get verifyResult(): number {
    return this.#exports.ktls_engine_verify_result(this.#live);
  }

  /** OpenSSL's words for a {@link verifyResult}. */
  verifyText(code: number): string {
    return this.module.resultText(this.module.exports.ktls_verify_text(code)) ?? '';
  }

  /** The peer's certificates as sent, leaf first, DER. */
  get peerChain(): Uint8Array[] {
    return certificates(this.module.result(this.#exports.ktls_engine_peer_chain(this.#live)));
  }

  /** The chain as it was verified, up to the trust anchor, DER. */
  get verifiedChain(): Uint8Array[] {
    return certificates(this.module.result(this.#exports.ktls_engine_verified_chain(this.#live)));
  }

  /** The certificate that this side sent, DER. */
  get ownCertificate(): Uint8Array | undefined {
    return certificates(this.module.result(this.#exports.ktls_engine_own_certificate(this.#live)))[0];
  }

  /** Client: the server's share of the key exchange; undefined on a server and where OpenSSL cannot tell. */
  get ephemeralKey(): { type: string; size: number; name: string } | undefined {
    const text = this.module.resultText(this.#exports.ktls_engine_ephemeral_key(this.#live));
    if (text === undefined) return undefined;
    const [type = '', size = '', name = ''] = text.split('\n');
    return { type, size: Number(size), name };
  }

  /** Signature algorithms that both sides support, as OpenSSL's s_server prints them. */
  get sharedSignatureAlgorithms(): string[] {
    return this.module.resultText(this.#exports.ktls_engine_shared_sigalgs(this.#live))?.split(':') ?? [];
  }

  /** The session's ticket (RFC 5077). */
  get ticket(): Uint8Array | undefined {
    return this.module.result(this.#exports.ktls_engine_ticket(this.#live));
  }

  /** The Finished message of either side (SSL_get_finished(3)). */
  finishedMessage(side: 'own' | 'peer'): Uint8Array | undefined {
    return this.module.result(this.#exports.ktls_engine_finished_message(this.#live, side === 'peer' ? 1 : 0));
  }

  /** Keying material for other protocols (RFC 5705, RFC 8446 §7.5). Throws {@link OpenSSLError} before the handshake's end. */
  exportKeyingMaterial(length: number, label: string, context?: Uint8Array): Uint8Array {
    using name = this.module.heap.copyText(label);
    using bytes = this.module.heap.copyIn(context ?? new Uint8Array());
    const address = context === undefined ? 0 : bytes.address;
    const done = this.#exports.ktls_engine_export(this.#live, length, name.address, address, bytes.length);
    return this.module.result(this.module.expect(done)) ?? new Uint8Array();
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Frees and wipes all that the connection had in the wasm heap. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    abandoned.unregister(this);
    if (!this.#running) this.#free();
  }

  #free(): void {
    release(this.module, this.#pointer, this.#entry);
  }

  /** While OpenSSL runs it may ask something whose answer is to dispose of the engine: that waits until it has returned. */
  #run<T>(call: (pointer: EnginePointer) => T): T {
    const pointer = this.#live;
    this.#running = true;
    try {
      return call(pointer);
    } finally {
      this.#running = false;
      if (this.#disposed) this.#free();
    }
  }

  #receive(length: number): Output[] {
    this.#unread = this.#run((pointer) => this.#exports.ktls_engine_receive(pointer, length));
    return this.#outputs();
  }

  /** A trap is the end of this connection as a fatal error of OpenSSL's is, and of all others by {@link onLost}. */
  #unlessLost(call: () => Output[]): Output[] {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof InstanceLost)) throw error;
      return [{ kind: 'error', entries: [{ code: 0, library: ownLibrary, reason: ownReasons.lost, data: '' }] }];
    }
  }

  #outputs(): Output[] {
    if (this.#disposed) return [];
    return parseOutputs(this.module.heap.takeLog(this.#pointer));
  }

  get #live(): EnginePointer {
    if (this.#disposed) throw new Error('the TLS engine of this connection has been disposed of');
    return this.#pointer;
  }
}

function release(module: EngineModule, pointer: EnginePointer, entry: WeakRef<Engine>): void {
  module.questions.forget(pointer);
  module.exports.ktls_engine_free(pointer);
  module.engines.delete(entry);
}

function mask(cipherTypes: readonly number[]): number {
  return cipherTypes.reduce((bits, type) => bits | (1 << (type - offloadable.aes128Gcm)), 0);
}

const headerLength = 5;
const maxFragmentLength = 16384;
const scratchLength = 32768;
