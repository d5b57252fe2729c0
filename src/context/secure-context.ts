import type { NonSharedBuffer } from 'node:buffer';
import type { EngineContext } from '../engine/openssl/context.ts';
import { TrustStore } from '../engine/openssl/trust-store.ts';
import { contextError } from '../failure.ts';
import { type DefaultRoots, defaultRoots } from '../platform/default-roots.ts';
import { engineModule } from '../platform/engine-host.ts';
import { copySecret } from '../protocol/secret-bytes.ts';
import { ciphersAreValid } from './cipher-list.ts';
import { ContextRecipe, copy, list, type MadeContext, type SecureContextOptions } from './context-recipe.ts';
import { isOneOf, letNodeRefuseContext } from './node-errors.ts';

export type { SecureContextOptions };

/** Identity, trust and what may be negotiated; made by {@link createSecureContext} and shared by connections. */
class Context {
  /** As node:tls has it, for those who pass `secureContext.context` around. */
  readonly context: this;
  readonly #recipe: ContextRecipe;
  #made: MadeContext;
  #ticketKeys: { readonly keys: Uint8Array; readonly sealing: number } | undefined;
  #trusting: TrustStore | undefined;
  /** The default certificates as they were, where those of a server's issuers may be among them. */
  readonly #issuers: DefaultRoots | undefined;
  #naming = false;

  constructor(recipe: ContextRecipe, made: MadeContext) {
    this.context = this;
    this.#recipe = recipe;
    this.#made = made;
    this.#trust(made.trust, false);
    if (!made.trust && recipe.lacksIssuers) this.#issuers = defaultRoots();
  }

  /** The engine's context for a connection. Trust in the default certificates begins when the first connection has to verify a peer. */
  for(use: { verifiesPeer: boolean; isServer: boolean }): EngineContext {
    const { context, trust } = this.#live;
    // Tickets outlive OpenSSL's instance.
    if (use.isServer) this.#keepTicketKeys(context);
    if (use.verifiesPeer) {
      const naming = use.isServer && trust !== undefined && !this.#naming;
      const store = trust ?? defaultRoots().store(context.module);
      if (naming || this.#trusting !== store) this.#trust(store, naming);
      this.#naming ||= naming;
    } else if (use.isServer && !this.#trusting && this.#recipe.lacksIssuers) {
      this.#trust((this.#issuers ?? defaultRoots()).store(context.module), false);
    }
    return context;
  }

  /** 48 bytes that servers can share so that each accepts the others' tickets. */
  getTicketKeys(): NonSharedBuffer {
    // From here on others may have them, too.
    this.#keepTicketKeys(this.#live.context);
    const { keys, sealing } = this.#ticketKeys ?? noTicketKeys;
    return Buffer.from(keys.subarray(sealing * ticketKeyLength, (sealing + 1) * ticketKeyLength));
  }

  /** Keys for tickets, 48 bytes each. All of them open; `sealing`: the place of the one that seals. */
  setTicketKeys(keys: Uint8Array, sealing = 0): void {
    this.#live.context.setTicketKeys(keys, sealing);
    this.#ticketKeys?.keys.fill(0);
    this.#ticketKeys = { keys: copySecret(keys), sealing };
  }

  /** The certificate, DER; null when there is none. */
  getCertificate(): Buffer | null {
    const der = this.#live.context.certificate('own');
    return der ? Buffer.from(der) : null;
  }

  /** The issuer of the certificate, DER; null when it is not known. */
  getIssuer(): Buffer | null {
    const der = this.#live.context.certificate('issuer');
    return der ? Buffer.from(der) : null;
  }

  /** A certificate for handshakes from now on, PEM, behind which {@link setKey} has to follow. As node:tls's context has it, which does not document it. */
  setCert(pem: string | NodeJS.ArrayBufferView): void {
    const { context } = this.#live;
    orContextError(() => this.#recipe.replaceCertificate(context, copy(pem)));
  }

  /** Its key, PEM. */
  setKey(pem: string | NodeJS.ArrayBufferView, passphrase?: string): void {
    const { context } = this.#live;
    orContextError(() => this.#recipe.replaceKey(context, copy(pem), passphrase));
  }

  /** Trusts more certificates, PEM. As node:tls's context has it, which does not document it. */
  addCACert(pem: string | NodeJS.ArrayBufferView): void {
    const { context, trust } = this.#live;
    const certificates = copy(pem);
    const store = trust ?? new TrustStore(context.module);
    if (!trust) store.addAll(defaultRoots().store(context.module));
    store.add(certificates);
    this.#recipe.alsoTrust(certificates);
    this.#made = { context, trust: store };
    this.#trust(store, false);
  }

  /** What separates sessions by the application's word; empty for nothing. */
  get sessionIdContext(): string {
    return this.#recipe.sessionIdContext;
  }

  /** Who may be at the other end, where a certificate is asked for: two contexts that demand the same say the same. */
  get demands(): string {
    return this.#recipe.demands;
  }

  /** OpenSSL may have been replaced since the last use: the context is then made again. */
  get #live(): MadeContext {
    const module = engineModule();
    if (this.#made.context.module === module) return this.#made;
    this.#made = this.#recipe.make(module);
    this.#naming = false;
    if (this.#ticketKeys) this.#made.context.setTicketKeys(this.#ticketKeys.keys, this.#ticketKeys.sealing);
    this.#trust(this.#made.trust, false);
    return this.#made;
  }

  #keepTicketKeys(context: EngineContext): void {
    const keys = this.#ticketKeys ? undefined : context.ticketKeys;
    if (keys) this.#ticketKeys = { keys, sealing: 0 };
  }

  #trust(store: TrustStore | undefined, naming: boolean): void {
    this.#trusting = store;
    if (store) this.#made.context.useTrustStore(store, naming);
  }
}

const noTicketKeys = { keys: new Uint8Array(), sealing: 0 };
/** Bytes. */
const ticketKeyLength = 48;

export type SecureContext = Context;

/** As node:tls's: `new SecureContext(secureProtocol, secureOptions, minVersion, maxVersion)`, also without `new`. */
export const SecureContext: typeof Context = new Proxy(Context, {
  apply: (_target, _self, args: unknown[]) => bare(args),
  construct: (_target, args: unknown[]) => bare(args),
});
Object.defineProperty(Context, 'name', { value: 'SecureContext' });
Object.defineProperty(Context.prototype, 'constructor', { configurable: true, writable: true, value: SecureContext });

function bare([secureProtocol, secureOptions, minVersion, maxVersion]: unknown[]): Context {
  return Reflect.apply(createSecureContext, undefined, [{ secureProtocol, secureOptions, minVersion, maxVersion }]);
}

function orContextError(run: () => void): void {
  try {
    run();
  } catch (error) {
    throw contextError(error);
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
  const recipe = new ContextRecipe(options);
  const made = recipe.make(engineModule());
  const bits = recipe.dhBits(made);
  if (bits !== undefined && bits < 1024) throw new Error('DH parameter is less than 1024 bits');
  if (bits !== undefined && bits < 2048) {
    process.emitWarning('DH parameter is less than 2048 bits', 'SecurityWarning');
  }
  const context = new Context(recipe, made);
  if (options.ticketKeys) context.setTicketKeys(copy(options.ticketKeys));
  if (compresses(options)) warnOfCompression();
  return context;
}

/** A quick look: what passes is of the right types, what does not is for node:tls to judge. */
function looksRight(options: SecureContextOptions): boolean {
  return Boolean(
    typeof options === 'object' &&
      textOptions.every((name) => isOneOf(options[name], 'string')) &&
      options.ecdhCurve !== null &&
      options.secureProtocol !== '' &&
      readOptions.every((name) => options[name] === undefined || options[name] === null || options[name]) &&
      !Array.isArray(options.dhparam) &&
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
      (options.honorCipherOrder || Number.isInteger(options.secureOptions || 0)) &&
      !compresses(options) &&
      ciphersAreValid(options.ciphers),
  );
}

/** Whether certificates are to be compressed (RFC 8879), or something else is said of that. */
function compresses(options: object): boolean {
  const wanted: unknown = Reflect.get(options, 'certificateCompression') ?? [];
  return !Array.isArray(wanted) || wanted.length > 0;
}

let warnedOfCompression = false;

function warnOfCompression(): void {
  if (warnedOfCompression) return;
  warnedOfCompression = true;
  process.emitWarning('The option certificateCompression has no effect: certificates are sent as they are', {
    code: 'KTLS_CERTIFICATE_COMPRESSION',
  });
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
/** Read whenever they are there, empty or not. */
const readOptions = ['pfx', 'crl', 'dhparam'] as const;
/** OpenSSL engines: gone from OpenSSL 4, and never in WebAssembly. */
const refusedOptions = ['clientCertEngine', 'privateKeyEngine', 'privateKeyIdentifier'] as const;
