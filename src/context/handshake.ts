import type { Handshake, ImmediateAnswers } from '../connection/handshake.ts';
import { Engine, type EngineOptions, offloadable } from '../engine/openssl/engine.ts';
import { OpenSSLError } from '../engine/openssl/openssl-error.ts';
import { codedError } from '../errors/coded.ts';
import { echConfigsRefused } from '../errors/codes.ts';
import type { EngineKind } from '../platform/openssl/engine-host.ts';
import { type Ech, echKeysIn } from './ech.ts';
import type { SecureContext } from './secure-context.ts';

/** What a handshake is told before it begins. */
export interface HandshakeSetup {
  readonly isServer: boolean;
  /** Its peer is verified, and of a server's peer a certificate is asked for. */
  readonly certificate: 'ignored' | 'wanted' | 'required';
  /** Record layers outside may have the keys of the ciphers that they know. */
  readonly handsOutKeys: boolean;
  /** In wire format (RFC 7301 §3.1). A server answers with the first of its own that the client names too. */
  readonly alpn?: Uint8Array | undefined;
  /** Server: sessions that do not have this id are not resumed (SSL_CTX_set_session_id_context(3)). */
  readonly sessionScope?: Uint8Array | undefined;
  /** Server: a hint for clients with pre-shared keys, TLS 1.2 only (RFC 4279 §2). */
  readonly pskIdentityHint?: string | undefined;
  /** Client: asks for a stapled OCSP response. */
  readonly requestOcsp?: boolean | undefined;
  /** Encrypted ClientHello. */
  readonly ech?: Ech | undefined;
  /** Client: the name in its hello (RFC 6066 §3). */
  readonly serverName?: string | undefined;
  /** Client: the session that it offers, OpenSSL's ASN.1. */
  readonly session?: Uint8Array | undefined;
  /** Outputs `keyLog`; `keys`; `trace`; as a server `session`; questions about the hello, and about the certificate. */
  readonly logsKeys?: boolean;
  readonly reportsKeys?: boolean;
  readonly traces?: boolean;
  readonly reportsSessions?: boolean;
  readonly asksAboutHello?: boolean;
  readonly asksAboutCertificate?: boolean;
  readonly answers?: ImmediateAnswers;
}

/** A handshake by a context's rules, and what can be said to it on its way. */
export interface ControlledHandshake {
  /** For the connection. */
  readonly port: Handshake;
  /** Server: the name in the client's hello, as soon as that has come; client: the one that it sends. */
  readonly serverName: string | undefined;
  /** The certificate of the context in use, or its issuer's, DER. */
  certificate(which: 'own' | 'issuer'): Uint8Array | undefined;
  /** Answers a question about a hello: the context for its name, and the id that sessions to be resumed in it have. */
  chooseContext(context: SecureContext, sessionScope: Uint8Array): void;
  /** Answers a question about a hello. A session that cannot be read is none: a new one is made, as in node:tls. */
  offerSession(session: Uint8Array): void;
  /** Answers a question about a certificate: the OCSP response, DER. */
  staple(response: Uint8Array): void;
  /** The certificate and key of another context, for this connection alone. */
  useIdentity(context: SecureContext): void;
  /** Outputs `trace` from here on. */
  trace(): void;
}

/** One in this thread. */
export class ContextHandshake implements ControlledHandshake {
  readonly #engine: Engine;
  readonly #use: ContextUse;

  /** Throws {@link OpenSSLError} for what OpenSSL does not accept, and ERR_TLS_PSK_SET_IDENTITY_HINT_FAILED. */
  constructor(context: SecureContext, setup: HandshakeSetup, readLog?: EngineOptions['readLog']) {
    const ciphers = setup.handsOutKeys ? everyCipher : noCipher;
    this.#use = useOf(setup);
    this.#engine = new Engine(context.for(this.#use), {
      isServer: setup.isServer,
      offload: { read: ciphers, write: ciphers },
      readLog,
    });
    try {
      this.#tell(setup);
    } catch (error) {
      this.#engine.dispose();
      throw error;
    }
  }

  get port(): Handshake {
    return this.#engine;
  }

  get serverName(): string | undefined {
    return this.#engine.disposed ? undefined : this.#engine.serverName;
  }

  certificate(which: 'own' | 'issuer'): Uint8Array | undefined {
    return this.#engine.setup.context.certificate(which);
  }

  chooseContext(context: SecureContext, sessionScope: Uint8Array): void {
    this.#engine.setup.setContext(context.for({ ...this.#use, isChosen: true }), sessionScope);
  }

  offerSession(session: Uint8Array): void {
    try {
      this.#engine.setup.offerSession(session);
    } catch (error) {
      if (!(error instanceof OpenSSLError)) throw error;
    }
  }

  staple(response: Uint8Array): void {
    this.#engine.setup.setOcspResponse(response);
  }

  useIdentity(context: SecureContext): void {
    this.#engine.setup.useIdentity(context.for({ ...this.#use, isChosen: true, verifiesPeer: false }));
  }

  trace(): void {
    this.#engine.setup.trace();
  }

  #tell(told: HandshakeSetup): void {
    const { setup } = this.#engine;
    if (told.ech) this.#tellEch(told.ech);
    if (told.alpn && told.alpn.length > 0) setup.setAlpn(told.alpn);
    if (told.isServer) {
      if (told.sessionScope) setup.setSessionIdContext(told.sessionScope);
      if (told.certificate !== 'ignored') setup.requestCertificate(told.certificate === 'required');
      if (told.pskIdentityHint) this.#setHint(told.pskIdentityHint);
      if (told.asksAboutHello) setup.suspendForHello();
      if (told.asksAboutCertificate) setup.suspendForCertificate();
      if (told.reportsSessions) setup.reportSessions();
    } else {
      if (told.requestOcsp) setup.requestOcsp();
      if (told.serverName) setup.setServerName(nameWithoutZero(told.serverName));
      if (told.session) setup.setSession(told.session);
    }
    if (told.logsKeys) setup.logKeys();
    if (told.reportsKeys) setup.reportKeys();
    if (told.traces) setup.trace();
    if (told.answers && Object.keys(told.answers).length > 0) setup.answerWith(told.answers);
  }

  /** Text of C's, as for node:tls: it ends at a zero byte. */
  #tellEch(told: Ech): void {
    const { module, setup } = this.#engine;
    if ('keys' in told) setup.ech.useKeys(echKeysIn(module, told.keys));
    else if ('grease' in told) setup.ech.grease();
    else {
      try {
        setup.ech.setConfigs(told.configs);
      } catch (error) {
        throw error instanceof OpenSSLError ? echConfigsRefused(error) : error;
      }
      if (told.outerAlpn) setup.ech.setOuterAlpn(told.outerAlpn);
      if (told.outerServerName !== undefined)
        setup.ech.setOuterName(nameWithoutZero(told.outerServerName, 'ech.outerServerName'));
    }
  }

  #setHint(hint: string): void {
    const [text = ''] = hint.split('\0', 1);
    try {
      this.#engine.setup.setPskHint(text);
    } catch (error) {
      if (!(error instanceof OpenSSLError)) throw error;
      throw codedError('ERR_TLS_PSK_SET_IDENTITY_HINT_FAILED', 'Failed to set PSK identity hint');
    }
  }
}

/** Text of C's ends at a zero byte: another name would be asked for than the one that is judged. */
function nameWithoutZero(name: string, option = 'servername'): string {
  if (!name.includes('\0')) return name;
  throw codedError('ERR_INVALID_ARG_VALUE', `The property 'options.${option}' must not contain a zero byte`);
}

interface ContextUse {
  readonly verifiesPeer: boolean;
  readonly isServer: boolean;
  readonly engine: EngineKind;
}

/** What a context is needed for. */
export function useOf({
  isServer,
  certificate,
  ech,
}: Pick<HandshakeSetup, 'isServer' | 'certificate' | 'ech'>): ContextUse {
  const engine = ech ? 'ech' : 'default';
  return { isServer, verifiesPeer: !isServer || certificate !== 'ignored', engine };
}

const everyCipher: readonly number[] = Object.values(offloadable);
const noCipher: readonly number[] = [];
