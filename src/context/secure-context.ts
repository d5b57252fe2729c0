import type { NonSharedBuffer } from 'node:buffer';
import type { EngineContext } from '../engine/openssl/context.ts';
import type { EngineModule } from '../engine/openssl/module.ts';
import { TrustStore } from '../engine/openssl/trust-store.ts';
import { typeError } from '../errors/coded.ts';
import { contextError } from '../failure.ts';
import { type DefaultRoots, defaultRoots, rootsOf } from '../platform/openssl/default-roots.ts';
import { type EngineKind, engineModule } from '../platform/openssl/engine-host.ts';
import { copySecret } from '../protocol/secret-bytes.ts';
import { ciphersAreValid } from './cipher-list.ts';
import {
  ContextRecipe,
  copy,
  list,
  type MadeContext,
  type PortableRecipe,
  recipeOf,
  type SecureContextOptions,
} from './context-recipe.ts';
import { isOneOf, letNodeRefuseContext } from './node-errors.ts';

export type { SecureContextOptions };

/** A context in one of OpenSSL's instances, and what it was told so far. */
class LiveContext {
  made: MadeContext;
  #trusting: TrustStore | undefined;
  #naming = false;

  constructor(made: MadeContext) {
    this.made = made;
    if (made.trust) this.trust(made.trust, false);
  }

  get module(): EngineModule {
    return this.made.context.module;
  }

  get trustsSomebody(): boolean {
    return this.#trusting !== undefined;
  }

  /** From now on this is what is trusted. */
  trustInstead(store: TrustStore): void {
    this.made = { context: this.made.context, trust: store };
    this.trust(store, false);
  }

  /** `naming`: a certificate request names who is trusted. */
  trust(store: TrustStore, naming: boolean): void {
    const names = naming && !this.#naming;
    if (this.#trusting === store && !names) return;
    this.#trusting = store;
    this.#naming ||= naming;
    this.made.context.useTrustStore(store, names);
  }
}

const needsTls13 = 'The option ech needs TLS 1.3, which the context does not allow (RFC 9849 §6.1)';

/** Changes whenever {@link portableOf} would answer something else. */
export let revisionOf: (context: SecureContext) => number;
/** A context as it is now, to be made again in another thread by {@link contextFrom}. The keys for tickets in it are the caller's to wipe. */
export let portableOf: (context: SecureContext) => PortableContext;
/** Told of each change of the keys for tickets; what they are is to be copied. */
export type TicketKeyFollower = (keys: Uint8Array, sealing: number) => void;
/** For as long as somebody else keeps the follower. */
export let followTicketKeys: (context: SecureContext, follower: TicketKeyFollower) => void;
/** Whether the default certificates are asked for where it is used so. */
export let needsDefaultRoots: (context: SecureContext, use: { readonly verifiesPeer: boolean }) => boolean;

/** Identity, trust and what may be negotiated; made by {@link createSecureContext} and shared by connections. */
class Context {
  /** As node:tls has it, for those who pass `secureContext.context` around. */
  readonly context: this;
  readonly #recipe: ContextRecipe;
  readonly #live = new Map<EngineKind, LiveContext>();
  #ticketKeys: { readonly keys: Uint8Array; readonly sealing: number } | undefined;
  /** How often it has changed, apart from its keys for tickets. */
  #revision = 0;
  #followers: WeakRef<TicketKeyFollower>[] = [];
  /** The default certificates as they were, where those of a server's issuers may be among them. */
  readonly #issuers: DefaultRoots | undefined;

  constructor(recipe: ContextRecipe, made: MadeContext, issuers: () => DefaultRoots = defaultRoots) {
    this.context = this;
    this.#recipe = recipe;
    this.#live.set('default', new LiveContext(made));
    if (!made.trust && recipe.lacksIssuers) this.#issuers = issuers();
  }

  /** The engine's context for a connection. Trust in the default certificates begins when the first connection has to verify a peer. */
  for(use: { verifiesPeer: boolean; isServer: boolean; isChosen?: boolean; engine?: EngineKind }): EngineContext {
    // Versions are the server's, whichever context it chooses for a name.
    if (use.engine === 'ech' && !use.isChosen && !this.#recipe.allowsTls13)
      throw typeError('ERR_INVALID_ARG_VALUE', needsTls13);
    const live = this.#in(use.engine ?? 'default');
    const { context, trust } = live.made;
    // Tickets outlive OpenSSL's instance.
    if (use.isServer) this.#keepTicketKeys(context);
    if (use.verifiesPeer)
      live.trust(trust ?? defaultRoots().store(context.module), use.isServer && trust !== undefined);
    else if (use.isServer && !live.trustsSomebody && this.#recipe.lacksIssuers)
      live.trust((this.#issuers ?? defaultRoots()).store(context.module), false);
    return context;
  }

  /** 48 bytes that servers can share so that each accepts the others' tickets. */
  getTicketKeys(): NonSharedBuffer {
    // From here on others may have them, too.
    this.#keepTicketKeys(this.#context);
    const { keys, sealing } = this.#ticketKeys ?? noTicketKeys;
    return Buffer.from(keys.subarray(sealing * ticketKeyLength, (sealing + 1) * ticketKeyLength));
  }

  /** Keys for tickets, 48 bytes each. All of them open; `sealing`: the place of the one that seals. */
  setTicketKeys(keys: Uint8Array, sealing = 0): void {
    this.#context.setTicketKeys(keys, sealing);
    const before = this.#ticketKeys?.keys;
    this.#holdTicketKeys(copySecret(keys), sealing);
    before?.fill(0);
    this.#tellOthers(this.#context);
  }

  /** The certificate, DER; null when there is none. */
  getCertificate(): Buffer | null {
    const der = this.#context.certificate('own');
    return der ? Buffer.from(der) : null;
  }

  /** The issuer of the certificate, DER; null when it is not known. */
  getIssuer(): Buffer | null {
    const der = this.#context.certificate('issuer');
    return der ? Buffer.from(der) : null;
  }

  /** A certificate for handshakes from now on, PEM, behind which {@link setKey} has to follow. As node:tls's context has it, which does not document it. */
  setCert(pem: string | NodeJS.ArrayBufferView): void {
    orContextError(() => this.#recipe.replaceCertificate(this.#context, copy(pem)));
    this.#forgetOthers();
  }

  /** Its key, PEM. */
  setKey(pem: string | NodeJS.ArrayBufferView, passphrase?: string): void {
    orContextError(() => this.#recipe.replaceKey(this.#context, copy(pem), passphrase));
    this.#forgetOthers();
  }

  /** Trusts more certificates, PEM. As node:tls's context has it, which does not document it. */
  addCACert(pem: string | NodeJS.ArrayBufferView): void {
    const live = this.#in('default');
    const { context, trust } = live.made;
    const certificates = copy(pem);
    const store = trust ?? new TrustStore(context.module);
    if (!trust) store.addAll(defaultRoots().store(context.module));
    store.add(certificates);
    this.#recipe.alsoTrust(certificates);
    live.trustInstead(store);
    this.#forgetOthers();
  }

  /** What separates sessions by the application's word; empty for nothing. */
  get sessionIdContext(): string {
    return this.#recipe.sessionIdContext;
  }

  /** Who may be at the other end, where a certificate is asked for: two contexts that demand the same say the same. */
  get demands(): string {
    return this.#recipe.demands;
  }

  get #context(): EngineContext {
    return this.#in('default').made.context;
  }

  /** OpenSSL may have been replaced since the last use: the context is then made again. */
  #in(kind: EngineKind): LiveContext {
    const module = engineModule(kind);
    const known = this.#live.get(kind);
    if (known?.module === module) return known;
    const live = new LiveContext(this.#recipe.make(module));
    if (this.#ticketKeys) live.made.context.setTicketKeys(this.#ticketKeys.keys, this.#ticketKeys.sealing);
    this.#live.set(kind, live);
    return live;
  }

  /** The same for all of OpenSSL's instances, whichever made them. */
  #keepTicketKeys(context: EngineContext): void {
    if (this.#ticketKeys) return;
    const keys = context.ticketKeys;
    if (!keys) return;
    this.#holdTicketKeys(keys, 0);
    this.#tellOthers(context);
  }

  /** They are wiped with the last context that has them, also where nobody says that it is done with. */
  #holdTicketKeys(keys: Uint8Array, sealing: number): void {
    this.#ticketKeys = { keys, sealing };
    for (const follower of this.#followers) follower.deref()?.(keys, sealing);
    leftKeys.unregister(this);
    leftKeys.register(this, keys, this);
  }

  #tellOthers(context: EngineContext): void {
    const { keys, sealing } = this.#ticketKeys ?? noTicketKeys;
    for (const { made, module } of this.#live.values())
      if (made.context !== context && !module.lost) made.context.setTicketKeys(keys, sealing);
  }

  /** Made again from what is known now, when they are needed. */
  #forgetOthers(): void {
    this.#revision++;
    for (const kind of this.#live.keys()) if (kind !== 'default') this.#live.delete(kind);
  }

  static {
    revisionOf = (context) => {
      // From here on other threads may have its keys for tickets, too.
      context.#keepTicketKeys(context.#context);
      return context.#revision;
    };
    portableOf = (context) => {
      context.#keepTicketKeys(context.#context);
      const { keys, sealing } = context.#ticketKeys ?? noTicketKeys;
      const issuers = context.#issuers?.certificates;
      return { recipe: context.#recipe.portable, issuers, ticketKeys: copySecret(keys), sealing };
    };
    followTicketKeys = (context, follower) => {
      const alive = context.#followers.filter((one) => one.deref());
      context.#followers = [...alive, new WeakRef(follower)];
    };
    needsDefaultRoots = (context, { verifiesPeer }) =>
      verifiesPeer ? context.#in('default').made.trust === undefined : context.#recipe.lacksIssuers;
  }
}

const leftKeys = new FinalizationRegistry<Uint8Array>((keys) => void keys.fill(0));
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

/** A context that can be sent to another thread. */
export interface PortableContext {
  readonly recipe: PortableRecipe;
  /** Those among which a server finds the issuers of its certificate. */
  readonly issuers: readonly string[] | undefined;
  /** 48 bytes each, and the place of the one that seals. */
  readonly ticketKeys: Uint8Array<ArrayBuffer>;
  readonly sealing: number;
}

/** A context that another thread has, made again in this one. Its keys for tickets are wiped. */
export function contextFrom({ recipe, issuers, ticketKeys, sealing }: PortableContext): SecureContext {
  const again = new ContextRecipe(recipe);
  const context = new Context(again, again.make(engineModule()), () => (issuers ? rootsOf(issuers) : defaultRoots()));
  context.setTicketKeys(ticketKeys, sealing);
  ticketKeys.fill(0);
  return context;
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
  const recipe = recipeOf(options);
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
