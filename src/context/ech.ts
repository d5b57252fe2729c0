import type tls from 'node:tls';
import { EngineEchKeys, generateEchKey as generate, type HpkeSuite } from '../engine/openssl/ech.ts';
import type { EngineModule } from '../engine/openssl/module.ts';
import { OpenSSLError } from '../engine/openssl/openssl-error.ts';
import { typeError } from '../errors/coded.ts';
import { engineModule } from '../platform/openssl/engine-host.ts';
import { alpnProtocols } from './alpn-protocols.ts';
import { copy, list } from './context-recipe.ts';
import { echConfigBytes, type HpkeSuiteNames, hpkeSuite } from './ech-names.ts';

/** A private key for encrypted hellos with its ECHConfigs, PEM (RFC 9934), as {@link generateEchKey} and `openssl ech` make it. */
export type EchKey = string | Uint8Array | { readonly pem: string | Uint8Array; readonly retry?: boolean | undefined };

/** What a client wants of Encrypted ClientHello (RFC 9849). */
export interface ClientEchOptions {
  /**
   * The server's ECHConfigList, as bytes or in base64, as it stands in the DNS (`ech=` of an HTTPS record, RFC 9848). With it, a connection whose
   * server does not accept the encrypted hello fails with ERR_KTLS_ECH_REJECTED: nothing is sent to a name that was to be secret.
   */
  readonly configs?: string | Uint8Array | undefined;
  /** The name in the hello that everybody can read, in place of that of the configuration. */
  readonly outerServerName?: string | undefined;
  /** The protocols in that hello, as `ALPNProtocols` has them. Default: the same, which hides none of them. */
  readonly outerALPNProtocols?: tls.ConnectionOptions['ALPNProtocols'];
  /** Without `configs`: sends what looks like an encrypted hello, so that those which are one do not stand out (§6.2). */
  readonly grease?: boolean | undefined;
}

/** What a server has for Encrypted ClientHello (RFC 9849). */
export interface ServerEchOptions {
  /** Keys that hellos may be encrypted for; an {@link EchKeys} can be given other ones later. */
  readonly keys: EchKey | readonly EchKey[] | EchKeys;
}

export type EchOptions = ClientEchOptions | ServerEchOptions;

/** What a handshake is told, once the options have been looked at. */
export type Ech =
  | { readonly keys: EchKeys }
  | {
      readonly configs: Uint8Array;
      readonly outerServerName: string | undefined;
      readonly outerAlpn: Uint8Array | undefined;
    }
  | { readonly grease: true };

/** OpenSSL may have been replaced since the last use: they are made again then. */
export let echKeysIn: (module: EngineModule, keys: EchKeys) => EngineEchKeys;

/**
 * The keys of a server for encrypted hellos, which can be replaced while it runs: `new EchKeys(pem)`, then `keys.replace([newer, older])` about
 * once an hour. A key should stay for as long as resolvers may remember its configuration.
 */
export class EchKeys {
  #files: readonly { readonly pem: Uint8Array; readonly retry: boolean }[];
  #made: EngineEchKeys;

  /**
   * @param keys One key or several. Clients whose configuration does not fit are told those of all that say `retry: true`; where none does, those of the first that does not say `retry: false`.
   * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for what has no key, ERR_KTLS_UNAVAILABLE without the package ktls-ech.
   */
  constructor(keys: EchKey | readonly EchKey[]) {
    this.#files = readFiles(keys);
    this.#made = make(engineModule('ech'), this.#files);
  }

  /**
   * Other keys for connections from now on. Where this throws, the old ones stay.
   *
   * @param keys As the constructor has them.
   * @throws What the constructor throws.
   */
  replace(keys: EchKey | readonly EchKey[]): void {
    const files = readFiles(keys);
    this.#made = make(engineModule('ech'), files);
    for (const { pem } of this.#files) pem.fill(0);
    this.#files = files;
  }

  static {
    echKeysIn = (module, keys) => {
      if (keys.#made.module !== module) keys.#made = make(module, keys.#files);
      return keys.#made;
    };
  }
}

function readFiles(keys: EchKey | readonly EchKey[]): { readonly pem: Uint8Array; readonly retry: boolean }[] {
  const given = list<EchKey>(keys).map((key) => {
    const file: unknown = isText(key) ? { pem: key } : key;
    if (typeof file !== 'object' || file === null || !('pem' in file) || !isText(file.pem))
      throw wrongType('keys', 'PEM text');
    const retry: unknown = 'retry' in file ? file.retry : undefined;
    if (retry !== undefined && typeof retry !== 'boolean') throw wrongType('keys', 'PEM text, and retry true or false');
    return { pem: copy(file.pem), retry };
  });
  if (given.length === 0) throw wrongType('keys', 'at least one key, as PEM text');
  const first = given.some(({ retry }) => retry === true) ? -1 : given.findIndex(({ retry }) => retry === undefined);
  return given.map(({ pem, retry }, at) => ({ pem, retry: retry === true || at === first }));
}

function make(
  module: EngineModule,
  files: readonly { readonly pem: Uint8Array; readonly retry: boolean }[],
): EngineEchKeys {
  try {
    return new EngineEchKeys(module, files);
  } catch (error) {
    if (!(error instanceof OpenSSLError)) throw error;
    throw Object.assign(
      typeError(
        'ERR_INVALID_ARG_VALUE',
        'The option ech.keys must be PEM with a private key and its ECHConfigs (RFC 9934)',
      ),
      { cause: error },
    );
  }
}

/**
 * What the option `ech` says. Throws ERR_INVALID_ARG_TYPE and ERR_INVALID_ARG_VALUE for what it cannot, ERR_KTLS_UNAVAILABLE without the package
 * ktls-ech.
 */
export function readEch(option: unknown, isServer: boolean): Ech | undefined {
  if (option === undefined || option === null) return undefined;
  if (typeof option !== 'object') throw wrongType('', 'an object');
  const allowed = isServer ? serverOptions : clientOptions;
  const other = Object.keys(option).find((name) => !allowed.includes(name));
  if (other !== undefined) throw typeError('ERR_INVALID_ARG_VALUE', refusalOf(other, isServer));
  return isServer ? readServer(option) : readClient(option);
}

function readServer(option: object): Ech {
  const keys: unknown = Reflect.get(option, 'keys');
  if (keys instanceof EchKeys) return { keys };
  const isRight = isText(keys) || (typeof keys === 'object' && keys !== null);
  if (!isRight) throw wrongType('keys', 'PEM text, an object { pem, retry }, a list of these, or EchKeys');
  return { keys: new EchKeys(keys as EchKey | readonly EchKey[]) };
}

function readClient(option: ClientEchOptions): Ech | undefined {
  const { configs, outerServerName, outerALPNProtocols, grease } = option;
  if (configs !== undefined && !isText(configs)) throw wrongType('configs', 'bytes or base64');
  if (outerServerName !== undefined && typeof outerServerName !== 'string')
    throw wrongType('outerServerName', 'a string');
  if (grease !== undefined && typeof grease !== 'boolean') throw wrongType('grease', 'true or false');
  if (configs === undefined) {
    if (outerServerName !== undefined || outerALPNProtocols !== undefined)
      throw typeError('ERR_INVALID_ARG_VALUE', 'An outer name or protocol says nothing without ech.configs');
    // Whoever asks for ECH with configurations that they turn out not to have would show the name to everybody.
    if (grease === undefined)
      throw typeError(
        'ERR_INVALID_ARG_VALUE',
        'The option ech of a client must have configs, or say whether to grease',
      );
    return grease ? { grease } : undefined;
  }
  return {
    configs: echConfigBytes(configs, 'The option ech.configs'),
    outerServerName,
    outerAlpn: readOuterAlpn(outerALPNProtocols),
  };
}

/** Of what is no list, or an empty one, OpenSSL would make the inner protocols, for everybody to read. */
function readOuterAlpn(protocols: ClientEchOptions['outerALPNProtocols']): Uint8Array | undefined {
  if (protocols === undefined) return undefined;
  if (!Array.isArray(protocols) && !ArrayBuffer.isView(protocols))
    throw wrongType('outerALPNProtocols', 'a list of names, or bytes');
  const wire = alpnProtocols(protocols);
  if (!wire?.length) throw typeError('ERR_INVALID_ARG_VALUE', 'The option ech.outerALPNProtocols must not be empty');
  return wire;
}

function isText(value: unknown): value is string | Uint8Array {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function refusalOf(name: string, isServer: boolean): string {
  if (['splitMode', 'backend'].includes(name))
    return 'The option ech has no split mode (RFC 9849 §3.1): OpenSSL decrypts hellos only for itself';
  const names = (isServer ? serverOptions : clientOptions).join(', ');
  return `Unknown ${JSON.stringify(name)} in the option ech of a ${isServer ? 'server' : 'client'}: it has ${names}`;
}

function wrongType(name: string, what: string): Error {
  return typeError('ERR_INVALID_ARG_TYPE', `The option ech${name && `.${name}`} must be ${what}`);
}

const clientOptions: readonly string[] = ['configs', 'outerServerName', 'outerALPNProtocols', 'grease'];
const serverOptions: readonly string[] = ['keys'];

/** Options of {@link generateEchKey}. */
export interface EchKeyOptions {
  /** The name in the hello that everybody can read: one that the server has a certificate for, too. */
  readonly publicName: string;
  /** The longest name in bytes that shall be hidden, by which clients pad. Default 0: clients choose. */
  readonly maxNameLength?: number | undefined;
  /** How hellos are encrypted (RFC 9180 §7). Default: X25519, SHA-256 and AES-128-GCM, which all clients have. */
  readonly suite?: HpkeSuiteNames | undefined;
}

/** A key for encrypted hellos, and what clients are to know of it. */
export interface GeneratedEchKey {
  /** For {@link EchKeys}: a secret. */
  readonly pem: string;
  /** The ECHConfigList, for `ech=` in the DNS and a client's `ech.configs`. */
  readonly configs: Buffer;
}

/**
 * Makes a key for encrypted hellos.
 *
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_KTLS_UNAVAILABLE without the package ktls-ech.
 */
export function generateEchKey(options: EchKeyOptions): GeneratedEchKey {
  if (typeof options !== 'object' || options === null)
    throw typeError('ERR_INVALID_ARG_TYPE', 'The "options" argument must be an object');
  const { publicName, maxNameLength = 0, suite = {} } = options;
  if (typeof suite !== 'object' || suite === null)
    throw typeError('ERR_INVALID_ARG_TYPE', 'The option suite must be an object { kem, kdf, aead }');
  if (typeof publicName !== 'string') throw typeError('ERR_INVALID_ARG_TYPE', 'The option publicName must be a string');
  if (publicName.length === 0 || publicName.length > 255 || publicName.includes('\0'))
    throw typeError('ERR_INVALID_ARG_VALUE', 'The option publicName must be a DNS name of 1 to 255 bytes');
  if (!Number.isInteger(maxNameLength) || maxNameLength < 0 || maxNameLength > 255)
    throw typeError('ERR_INVALID_ARG_VALUE', 'The option maxNameLength must be a whole number from 0 to 255');
  const pem = pemOf(publicName, maxNameLength, hpkeSuite(suite));
  const encoded = /-----BEGIN ECHCONFIG-----([^-]*)-----END ECHCONFIG-----/.exec(pem)?.[1] ?? '';
  return { pem, configs: Buffer.from(encoded, 'base64') };
}

function pemOf(publicName: string, maxNameLength: number, suite: HpkeSuite): string {
  try {
    const bytes = generate(engineModule('ech'), { publicName, maxNameLength, suite });
    const pem = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    bytes.fill(0);
    return pem;
  } catch (error) {
    if (!(error instanceof OpenSSLError)) throw error;
    throw typeError(
      'ERR_INVALID_ARG_VALUE',
      `The option publicName must be a DNS name, and ${JSON.stringify(publicName)} is none`,
    );
  }
}
