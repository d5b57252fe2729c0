import { typeError } from '../errors/coded.ts';
import { echConfigBytes, hpkeNames } from './ech-names.ts';

/** One ECHConfig of a list (RFC 9849 §4). */
export interface EchConfig {
  /** 0xfe0d is RFC 9849's. Of another only this and its length are known. */
  readonly version: number;
  /** Bytes of it behind version and length. */
  readonly length: number;
  readonly contents:
    | {
        /** By which a server finds its key. */
        readonly configId: number;
        /** The key encapsulation (RFC 9180 §7.1), by name where it is known. */
        readonly kem: string;
        readonly publicKey: Buffer;
        /** Key derivation and encryption that the server takes (RFC 9180 §7.2, §7.3). */
        readonly suites: readonly { readonly kdf: string; readonly aead: string }[];
        /** The longest name in bytes that is to be hidden; 0: not said. */
        readonly maxNameLength: number;
        /** The name in the hello that everybody can read. */
        readonly publicName: string;
        /** Types of extensions; a client must not use a configuration with one above 0x7fff that it does not know. */
        readonly extensions: readonly number[];
      }
    | undefined;
}

/**
 * Reads an ECHConfigList, as bytes or in base64.
 *
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE for what is none.
 */
export function readEchConfigs(list: string | Uint8Array): EchConfig[] {
  const reader = new Reader(echConfigBytes(list, 'The argument list'));
  const all = new Reader(reader.field(2));
  reader.end();
  const configs: EchConfig[] = [];
  while (all.left > 0) {
    const version = all.number(2);
    const contents = all.field(2);
    configs.push({
      version,
      length: contents.length,
      contents: version === rfc9849 ? readContents(contents) : undefined,
    });
  }
  if (configs.length === 0) throw noList();
  return configs;
}

function readContents(bytes: Uint8Array): NonNullable<EchConfig['contents']> {
  const reader = new Reader(bytes);
  const configId = reader.number(1);
  const kem = hpkeNames.kem(reader.number(2));
  const publicKey = Buffer.from(reader.field(2));
  const suites = new Reader(reader.field(2)).each((suite) => ({
    kdf: hpkeNames.kdf(suite.number(2)),
    aead: hpkeNames.aead(suite.number(2)),
  }));
  const maxNameLength = reader.number(1);
  const publicName = String.fromCharCode(...reader.field(1));
  const extensions = new Reader(reader.field(2)).each((extension) => {
    const type = extension.number(2);
    extension.field(2);
    return type;
  });
  reader.end();
  return { configId, kem, publicKey, suites, maxNameLength, publicName, extensions };
}

/** Numbers and vectors as TLS has them (RFC 8446 §3). What is not there is no list. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(width: number): number {
    return this.#take(width).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  field(width: number): Uint8Array {
    return this.#take(this.number(width));
  }

  each<T>(read: (reader: this) => T): T[] {
    const all: T[] = [];
    while (this.left > 0) all.push(read(this));
    return all;
  }

  end(): void {
    if (this.left > 0) throw noList();
  }

  #take(length: number): Uint8Array {
    if (length > this.left) throw noList();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

function noList(): Error {
  return typeError('ERR_INVALID_ARG_VALUE', 'The argument list must be an ECHConfigList (RFC 9849 §4)');
}

const rfc9849 = 0xfe0d;
