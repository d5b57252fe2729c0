import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  type PrivateKeyInput,
  X509Certificate,
} from 'node:crypto';
import type tls from 'node:tls';
import type { PrivateKey } from '../engine/host/private-key.ts';
import { EngineContext } from '../engine/openssl/context.ts';
import type { EngineModule } from '../engine/openssl/module.ts';
import { OpenSSLError } from '../engine/openssl/openssl-error.ts';
import { TrustStore } from '../engine/openssl/trust-store.ts';
import { enginePrivateKey } from '../platform/cryptography/signatures.ts';
import { DefaultRoots, defaultRoots, rootsOf } from '../platform/openssl/default-roots.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { splitCiphers } from './cipher-list.ts';
import { defaults } from './defaults.ts';
import { versionRange } from './protocol-versions.ts';

/** Options of {@link createSecureContext}: node:tls's. */
export type SecureContextOptions = tls.SecureContextOptions;

/** A context in one of OpenSSL's instances, and what it trusts where that is more than the default. */
export interface MadeContext {
  readonly context: EngineContext;
  readonly trust: TrustStore | undefined;
}

/** A key that stays node:crypto's, or what node:crypto cannot read. */
type Key = UsableKey | { readonly pem: Uint8Array; readonly passphrase: string | undefined };

interface UsableKey {
  readonly object: KeyObject;
  readonly publicKey: Uint8Array;
  readonly privateKey: PrivateKey;
}

/** The same, without what only one thread can have. */
type PortableKey = Key | { readonly object: KeyObject };

/** What never changes. */
interface RecipeParts
  extends Pick<
    SecureContextOptions,
    'sigalgs' | 'secureOptions' | 'honorCipherOrder' | 'sessionTimeout' | 'allowPartialTrustChain'
  > {
  readonly sessionIdContext: string;
  readonly versions: { readonly min: number; readonly max: number };
  readonly cipherList: string;
  readonly cipherSuites: string;
  readonly groups: string;
  readonly certificates: readonly Uint8Array[];
  readonly pfx: readonly PfxFile[];
  readonly crl: readonly Uint8Array[];
  readonly dhparam: 'auto' | Uint8Array | undefined;
}

/** A recipe that can be sent to another thread. */
export interface PortableRecipe {
  readonly parts: RecipeParts;
  readonly keys: readonly PortableKey[];
  readonly later: readonly ({ readonly cert: Uint8Array } | { readonly key: PortableKey })[];
  readonly ca: readonly Uint8Array[];
  readonly roots: readonly string[] | DefaultRoots | undefined;
  readonly ownTrust: boolean;
}

interface PfxFile {
  readonly der: Uint8Array;
  readonly passphrase: string;
}

/**
 * What a context is made of, as it was when the application asked for it: its buffers may change, the defaults too. From this the context
 * can be made again when OpenSSL's instance had to be replaced.
 */
export class ContextRecipe {
  readonly sessionIdContext: string;
  readonly #parts: RecipeParts;
  readonly #keys: readonly Key[];
  /** Certificates and keys that took the place of those, in their order. */
  readonly #later: ({ readonly cert: Uint8Array } | { readonly key: Key })[] = [];
  readonly #ca: Uint8Array[];
  /** What is trusted besides or without `ca`; undefined where `ca` says all. */
  #roots: DefaultRoots | undefined;
  #lacksIssuers: boolean | undefined;
  #ownTrust: boolean;
  #demands: { readonly roots: DefaultRoots | undefined; readonly digest: string } | undefined;

  constructor(recipe: PortableRecipe) {
    const { parts, keys, later, ca, roots, ownTrust } = recipe;
    this.#parts = parts;
    this.sessionIdContext = parts.sessionIdContext;
    this.#keys = keys.map(usableKey);
    this.#later = later.map((one) => ('cert' in one ? one : { key: usableKey(one.key) }));
    this.#ca = [...ca];
    this.#roots = roots && (roots instanceof DefaultRoots ? roots : rootsOf(roots));
    this.#ownTrust = ownTrust;
  }

  /** As it is now, for another thread. Private keys are shared and not copied. */
  get portable(): PortableRecipe {
    return {
      parts: this.#parts,
      keys: this.#keys.map(portableKey),
      later: this.#later.map((one) => ('cert' in one ? one : { key: portableKey(one.key) })),
      ca: this.#ca,
      roots: this.#roots?.certificates,
      ownTrust: this.#ownTrust,
    };
  }

  /** Throws {@link OpenSSLError} for what OpenSSL does not accept. */
  make(module: EngineModule): MadeContext {
    const context = new EngineContext(module, this.#parts.versions);
    if (this.#parts.cipherSuites !== '') context.setCipherSuites(this.#parts.cipherSuites);
    if (this.#parts.cipherList !== '') context.setCipherList(this.#parts.cipherList);
    const trust = this.#ownTrust ? this.#trustIn(module) : undefined;
    for (const pem of this.#parts.certificates) context.useCertificate(pem);
    for (const key of this.#keys) useKey(context, key);
    for (const file of this.#parts.pfx) if (trust) usePfx(context, file, trust);
    for (const later of this.#later) useLater(context, later);
    if (this.#parts.groups !== 'auto') context.setGroups(this.#parts.groups);
    const { sigalgs, secureOptions, honorCipherOrder, sessionTimeout } = this.#parts;
    if (sigalgs) context.setSignatureAlgorithms(sigalgs);
    if (Number.isInteger(secureOptions)) context.setOptions(BigInt(secureOptions ?? 0));
    if (honorCipherOrder) context.setOptions(SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (this.#parts.dhparam === 'auto') context.setDhAuto();
    else if (this.#parts.dhparam) dhParameterSize(context, this.#parts.dhparam);
    if (sessionTimeout) context.setSessionTimeout(sessionTimeout);
    if (this.sessionIdContext) context.setSessionIdContext(Buffer.from(this.sessionIdContext).subarray(0, 32));
    return { context, trust };
  }

  get allowsTls13(): boolean {
    return this.#parts.versions.max >= ProtocolVersion.tls13;
  }

  /** The size of Diffie-Hellman parameters that were given as such, in bits. */
  dhBits({ context }: MadeContext): number | undefined {
    return this.#parts.dhparam instanceof Uint8Array ? dhParameterSize(context, this.#parts.dhparam) : undefined;
  }

  /** A certificate for handshakes from now on, PEM; its key comes next. Throws {@link OpenSSLError}, and nothing has changed then. */
  replaceCertificate(context: EngineContext, pem: Uint8Array): void {
    this.#replace(context, { cert: pem });
  }

  /** The key of the last certificate, as {@link replaceCertificate}. */
  replaceKey(context: EngineContext, pem: Uint8Array, passphrase: string | undefined): void {
    this.#replace(context, { key: readKey(pem, passphrase) });
  }

  #replace(context: EngineContext, later: { readonly cert: Uint8Array } | { readonly key: Key }): void {
    useLater(context, later);
    this.#lacksIssuers = undefined;
    this.#later.push(later);
  }

  /** Whether there is a certificate without those of its issuers: OpenSSL then sends what it finds of them among the trusted ones. */
  get lacksIssuers(): boolean {
    const later = this.#later.flatMap((one) => ('cert' in one ? [one.cert] : []));
    this.#lacksIssuers ??= [...this.#parts.certificates, ...later].some(standsAlone);
    return this.#lacksIssuers;
  }

  /** Certificates that are trusted from now on, PEM. */
  alsoTrust(pem: Uint8Array): void {
    if (!this.#ownTrust) this.#roots = defaultRoots();
    this.#ownTrust = true;
    this.#ca.push(pem.slice());
    this.#demands = undefined;
  }

  /**
   * What a certificate must be to count with this context, as a digest: who is trusted, and by which algorithms. Not more: what is
   * negotiated besides says nothing of who the peer is.
   */
  get demands(): string {
    const roots = this.#ownTrust ? this.#roots : defaultRoots();
    if (!this.#demands || this.#demands.roots !== roots) this.#demands = { roots, digest: this.#digest(roots) };
    return this.#demands.digest;
  }

  #digest(roots: DefaultRoots | undefined): string {
    const hash = createHash('sha256');
    // The list of suites has the security level in it (SSL_CTX_set_security_level(3)).
    const texts = [
      roots?.digest ?? '',
      this.#parts.cipherList,
      this.#parts.sigalgs ?? '',
      this.#parts.allowPartialTrustChain,
    ];
    hash.update(JSON.stringify(texts.map(String)));
    for (const part of [this.#ca, this.#parts.crl, this.#parts.pfx.map(({ der }) => der)]) {
      hash.update(`${part.length} `);
      for (const bytes of part) hash.update(`${bytes.length} `).update(bytes);
    }
    return hash.digest('hex');
  }

  #trustIn(module: EngineModule): TrustStore {
    const trust = new TrustStore(module);
    for (const pem of this.#ca) trust.add(pem);
    if (this.#roots) trust.addAll(this.#roots.store(module));
    for (const pem of this.#parts.crl) trust.addCrl(pem);
    if (this.#parts.allowPartialTrustChain) trust.allowPartialChains();
    return trust;
  }
}

/** Throws what node:tls throws for versions that are none. */
export function recipeOf(options: SecureContextOptions): ContextRecipe {
  const { key, cert, pfx, ca, crl, dhparam, sigalgs, secureOptions, honorCipherOrder, sessionTimeout } = options;
  const passphrase = options.passphrase ?? undefined;
  const { cipherList, cipherSuites } = splitCiphers(options.ciphers);
  const versions = versionRange(options);
  // Without a suite of its own TLS 1.3 has OpenSSL's default ones; TLS 1.2 has none, and is not offered.
  if (cipherList === '' && versions.max === ProtocolVersion.tls13) versions.min = ProtocolVersion.tls13;
  // A store of its own where the options say more than "the default certificates".
  const ownTrust = Boolean(ca || crl || pfx || options.allowPartialTrustChain);
  return new ContextRecipe({
    parts: {
      ...{ sigalgs, sessionTimeout, versions, cipherList, cipherSuites },
      // What is on or off counts by its truth.
      secureOptions: Number.isInteger(secureOptions) ? secureOptions : undefined,
      honorCipherOrder: Boolean(honorCipherOrder),
      allowPartialTrustChain: Boolean(options.allowPartialTrustChain),
      groups: options.ecdhCurve || defaults.DEFAULT_ECDH_CURVE,
      sessionIdContext: options.sessionIdContext || '',
      certificates: list(cert).map(copy),
      pfx: list(pfx).map((given) => {
        const file = typeof given === 'object' && 'buf' in given ? given : { buf: given, passphrase: undefined };
        return { der: copy(file.buf), passphrase: file.passphrase ?? passphrase ?? '' };
      }),
      crl: list(crl).map(copy),
      dhparam: dhparam ? (dhparam === 'auto' ? 'auto' : copy(dhparam)) : undefined,
    },
    keys: list(key).map((given) => {
      const single = typeof given === 'object' && 'pem' in given ? given : { pem: given, passphrase };
      return readKey(copy(single.pem), single.passphrase ?? passphrase);
    }),
    later: [],
    ca: list(ca).map(copy),
    roots: ownTrust && !ca ? defaultRoots() : undefined,
    ownTrust,
  });
}

/** One certificate that another one has signed. */
function standsAlone(pem: Uint8Array): boolean {
  const text = Buffer.from(pem.buffer, pem.byteOffset, pem.byteLength).toString('latin1');
  if (text.split(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/).length !== 2) return false;
  const { issuer, subject } = new X509Certificate(pem);
  return issuer !== subject;
}

/** The key stays node:crypto's. What that cannot read, OpenSSL says what is wrong with. */
function readKey(pem: Uint8Array, passphrase: string | undefined): Key {
  const object = readPrivateKey(pem, passphrase);
  const key = object && keyFor(object);
  if (!key) return { pem, passphrase };
  pem.fill(0);
  return key;
}

function keyFor(object: KeyObject): UsableKey | undefined {
  const privateKey = enginePrivateKey(object);
  return privateKey && { object, publicKey: publicKeyOf(object), privateKey };
}

function usableKey(key: PortableKey): Key {
  if ('pem' in key || 'privateKey' in key) return key;
  const usable = keyFor(key.object);
  if (!usable) throw new Error('this key does not sign');
  return usable;
}

function portableKey(key: Key): PortableKey {
  return 'object' in key ? { object: key.object } : key;
}

function readPrivateKey(pem: Uint8Array, passphrase: string | undefined): KeyObject | undefined {
  return keyOf({ key: Buffer.from(pem), ...(passphrase !== undefined && { passphrase }) });
}

function keyOf(input: PrivateKeyInput): KeyObject | undefined {
  try {
    return createPrivateKey(input);
  } catch {
    return undefined;
  }
}

/** OpenSSL opens the file, whose ciphers node:crypto may not have; the key in it does not stay there. */
function usePfx(context: EngineContext, { der, passphrase }: PfxFile, trust: TrustStore): void {
  const pkcs8 = context.usePfx(der, passphrase, trust);
  const key = keyOf({ key: Buffer.from(pkcs8.buffer, pkcs8.byteOffset, pkcs8.length), format: 'der', type: 'pkcs8' });
  pkcs8.fill(0);
  const usable = key && keyFor(key);
  if (usable) useKey(context, usable);
}

function publicKeyOf(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}

function useLater(context: EngineContext, later: { readonly cert: Uint8Array } | { readonly key: Key }): void {
  if ('cert' in later) context.useCertificate(later.cert);
  else useKey(context, later.key);
}

function useKey(context: EngineContext, key: Key): void {
  if ('privateKey' in key) context.useKey(key.publicKey, key.privateKey);
  else context.usePrivateKey(key.pem, key.passphrase);
}

/** As documented: what cannot be read is passed over, and there is no DHE then. */
function dhParameterSize(context: EngineContext, parameters: Uint8Array): number | undefined {
  try {
    return context.setDhParameters(parameters);
  } catch (error) {
    if (error instanceof OpenSSLError) return undefined;
    throw error;
  }
}

export function list<T>(value: T | readonly T[] | null | undefined | false | ''): readonly T[] {
  if (!value) return [];
  return isList(value) ? value : [value];
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** Bytes of our own. */
export function copy(value: string | NodeJS.ArrayBufferView): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
}

/** OpenSSL, ssl.h. */
const SSL_OP_CIPHER_SERVER_PREFERENCE = 1n << 22n;
