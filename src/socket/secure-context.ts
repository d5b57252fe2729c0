import type { NonSharedBuffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type tls from 'node:tls';
import { EngineContext } from '../engine/context.ts';
import { OpenSSLError } from '../engine/openssl-error.ts';
import { TrustStore } from '../engine/trust-store.ts';
import { contextError } from '../errors.ts';
import { defaultTrustStore } from '../platform/default-roots.ts';
import { engineModule } from '../platform/engine-host.ts';
import { enginePrivateKey } from '../platform/signatures.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { ciphersAreValid, splitCiphers } from './cipher-list.ts';
import { defaults } from './defaults.ts';
import { isOneOf, letNodeRefuseContext } from './node-errors.ts';
import { versionRange } from './protocol-versions.ts';

/** Options of {@link createSecureContext}: node:tls's. */
export type SecureContextOptions = tls.SecureContextOptions;

/** Identity, trust and what may be negotiated; made by {@link createSecureContext} and shared by connections. */
export class SecureContext {
  /** As node:tls has it, for those who pass `secureContext.context` around. */
  readonly context: this;
  readonly #engineContext: EngineContext;
  #ownTrust: TrustStore | undefined;
  #trusting: TrustStore | undefined;
  #naming = false;

  constructor(engineContext: EngineContext, ownTrust: TrustStore | undefined) {
    this.context = this;
    this.#engineContext = engineContext;
    this.#ownTrust = ownTrust;
    if (ownTrust) this.#trust(ownTrust, false);
  }

  /** The engine's context for a connection. The default certificates are read when the first connection has to verify a peer. */
  for(use: { verifiesPeer: boolean; isServer: boolean }): EngineContext {
    if (use.verifiesPeer) {
      const naming = use.isServer && this.#ownTrust !== undefined && !this.#naming;
      const store = this.#ownTrust ?? defaultTrustStore();
      if (naming || this.#trusting !== store) this.#trust(store, naming);
      this.#naming ||= naming;
    }
    return this.#engineContext;
  }

  /** 48 bytes that servers can share so that each accepts the others' tickets. */
  getTicketKeys(): NonSharedBuffer {
    return Buffer.from(this.#engineContext.ticketKeys ?? []);
  }

  setTicketKeys(keys: Uint8Array): void {
    this.#engineContext.setTicketKeys(keys);
  }

  /** The certificate, DER; null when there is none. */
  getCertificate(): Buffer | null {
    const der = this.#engineContext.certificate('own');
    return der ? Buffer.from(der) : null;
  }

  /** The issuer of the certificate, DER; null when it is not known. */
  getIssuer(): Buffer | null {
    const der = this.#engineContext.certificate('issuer');
    return der ? Buffer.from(der) : null;
  }

  /** Trusts more certificates, PEM. As node:tls's context has it, which does not document it. */
  addCACert(pem: string | NodeJS.ArrayBufferView): void {
    if (!this.#ownTrust) {
      this.#ownTrust = new TrustStore(engineModule());
      this.#ownTrust.addAll(defaultTrustStore());
    }
    this.#ownTrust.add(bytes(pem));
    this.#trust(this.#ownTrust, false);
  }

  #trust(store: TrustStore, naming: boolean): void {
    this.#engineContext.useTrustStore(store, naming);
    this.#trusting = store;
  }
}

/** What a SecureContext of node:tls, or of ours, stands for. */
export function isSecureContext(value: unknown): value is SecureContext {
  return value instanceof SecureContext;
}

/**
 * As tls.createSecureContext of node:tls. Throws what node:tls throws: ERR_INVALID_ARG_TYPE and its kin, ERR_OSSL_* for what cannot
 * be read, ERR_TLS_INVALID_PROTOCOL_VERSION.
 */
export function createSecureContext(options: SecureContextOptions | null = {}): SecureContext {
  const given = options ?? {};
  if (!looksRight(given)) letNodeRefuseContext(given);
  try {
    return build(given);
  } catch (error) {
    letNodeRefuseContext(given);
    throw contextError(error);
  }
}

function build(options: SecureContextOptions): SecureContext {
  const module = engineModule();
  const { cipherList, cipherSuites } = splitCiphers(options.ciphers);
  const versions = versionRange(options);
  // Without a suite of its own TLS 1.3 has OpenSSL's default ones; TLS 1.2 has none, and is not offered.
  if (cipherList === '' && versions.max === ProtocolVersion.tls13) versions.min = ProtocolVersion.tls13;
  const context = new EngineContext(module, versions);
  if (cipherSuites !== '') context.setCipherSuites(cipherSuites);
  if (cipherList !== '') context.setCipherList(cipherList);
  const trust = buildTrust(options);
  useIdentity(context, options, trust);
  const groups = options.ecdhCurve || defaults.DEFAULT_ECDH_CURVE;
  if (groups !== 'auto') context.setGroups(groups);
  if (options.sigalgs) context.setSignatureAlgorithms(options.sigalgs);
  if (options.secureOptions) context.setOptions(BigInt(options.secureOptions));
  if (options.honorCipherOrder) context.setOptions(SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (options.dhparam) useDhParameters(context, options.dhparam);
  if (options.sessionTimeout) context.setSessionTimeout(options.sessionTimeout);
  if (options.ticketKeys) context.setTicketKeys(bytes(options.ticketKeys));
  if (options.sessionIdContext) context.setSessionIdContext(Buffer.from(options.sessionIdContext).subarray(0, 32));
  return new SecureContext(context, trust);
}

/** A store of its own where the options say more than "the default certificates". */
function buildTrust(options: SecureContextOptions): TrustStore | undefined {
  const { ca, crl, pfx, allowPartialTrustChain } = options;
  if (!ca && !crl && !pfx && !allowPartialTrustChain) return undefined;
  const trust = new TrustStore(engineModule());
  for (const pem of list(ca)) trust.add(bytes(pem));
  if (!ca) trust.addAll(defaultTrustStore());
  for (const pem of list(crl)) trust.addCrl(bytes(pem));
  if (allowPartialTrustChain) trust.allowPartialChains();
  return trust;
}

function useIdentity(context: EngineContext, options: SecureContextOptions, trust: TrustStore | undefined): void {
  for (const pem of list(options.cert)) context.useCertificate(bytes(pem));
  for (const key of list(options.key)) {
    const { pem, passphrase } =
      typeof key === 'object' && 'pem' in key ? key : { pem: key, passphrase: options.passphrase };
    useKey(context, bytes(pem), passphrase ?? options.passphrase);
  }
  for (const pfx of list(options.pfx)) {
    const file = typeof pfx === 'object' && 'buf' in pfx ? pfx : { buf: pfx, passphrase: undefined };
    if (trust) context.usePfx(bytes(file.buf), file.passphrase ?? options.passphrase ?? '', trust);
  }
}

/** The key stays node:crypto's. What that cannot read, OpenSSL says what is wrong with. */
function useKey(context: EngineContext, pem: Uint8Array, passphrase: string | undefined): void {
  const key = readPrivateKey(pem, passphrase);
  const usable = key && enginePrivateKey(key);
  if (key && usable) context.useKey(createPublicKey(key).export({ type: 'spki', format: 'der' }), usable);
  else context.usePrivateKey(pem, passphrase);
}

function readPrivateKey(pem: Uint8Array, passphrase: string | undefined): KeyObject | undefined {
  try {
    return createPrivateKey({ key: Buffer.from(pem), ...(passphrase !== undefined && { passphrase }) });
  } catch {
    return undefined;
  }
}

function useDhParameters(context: EngineContext, parameters: string | NodeJS.ArrayBufferView): void {
  if (parameters === 'auto') {
    context.setDhAuto();
    return;
  }
  const bits = dhParameterSize(context, parameters);
  // As documented: what cannot be read is passed over, and there is no DHE then.
  if (bits === undefined) return;
  if (bits < 1024) throw new Error('DH parameter is less than 1024 bits');
  if (bits < 2048) process.emitWarning('DH parameter is less than 2048 bits', 'SecurityWarning');
}

function dhParameterSize(context: EngineContext, parameters: string | NodeJS.ArrayBufferView): number | undefined {
  try {
    return context.setDhParameters(bytes(parameters));
  } catch (error) {
    if (error instanceof OpenSSLError) return undefined;
    throw error;
  }
}

/** A quick look: what passes is of the right types, what does not is for node:tls to judge. */
function looksRight(options: SecureContextOptions): boolean {
  return (
    typeof options === 'object' &&
    textOptions.every((name) => isOneOf(options[name], 'string')) &&
    pemOptions.every((name) =>
      list<unknown>(options[name]).every((value) => isPem(value, Array.isArray(options[name]))),
    ) &&
    refusedOptions.every((name) => Reflect.get(options, name) === undefined) &&
    isOneOf(options.ticketKeys, 'bytes') &&
    (options.ticketKeys?.byteLength ?? 48) === 48 &&
    options.sigalgs !== '' &&
    isOneOf(options.sessionTimeout, 'number') &&
    (options.sessionTimeout ?? 0) >= 0 &&
    Number.isInteger(options.sessionTimeout ?? 0) &&
    Number.isInteger(options.secureOptions || 0) &&
    ciphersAreValid(options.ciphers)
  );
}

/** A key in a list may be { pem, passphrase }, a PFX { buf, passphrase }. */
function isPem(value: unknown, listed: boolean): boolean {
  if (isOneOf(value, 'string', 'bytes')) return value !== null && value !== undefined;
  if (!listed || typeof value !== 'object' || value === null) return false;
  const inner: unknown = 'pem' in value ? value.pem : 'buf' in value ? value.buf : undefined;
  return inner !== undefined && inner !== null && isOneOf(inner, 'string', 'bytes');
}

const textOptions = ['ciphers', 'ecdhCurve', 'passphrase', 'sigalgs', 'sessionIdContext'] as const;
const pemOptions = ['ca', 'cert', 'key', 'pfx', 'crl', 'dhparam'] as const;
/** OpenSSL engines: gone from OpenSSL 4, and never in WebAssembly. */
const refusedOptions = ['clientCertEngine', 'privateKeyEngine', 'privateKeyIdentifier'] as const;

function list<T>(value: T | readonly T[] | null | undefined | false | ''): readonly T[] {
  if (!value) return [];
  return isList(value) ? value : [value];
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

function bytes(value: string | NodeJS.ArrayBufferView): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** OpenSSL, ssl.h. */
const SSL_OP_CIPHER_SERVER_PREFERENCE = 1n << 22n;
