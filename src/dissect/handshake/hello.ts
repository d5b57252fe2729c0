import { ByteReader } from '../../pcap/byte-reader.ts';

/** What a ClientHello says that matters here (RFC 8446 §4.1.2). */
export interface ClientHello {
  readonly random: Uint8Array;
  readonly serverName: string | undefined;
  readonly alpnProtocols: readonly string[];
  /** It announces early data (RFC 8446 §4.2.10). */
  readonly offersEarlyData: boolean;
  /** A ticket that it wants to resume by (RFC 5077 §3.2); empty if there is none. */
  readonly ticket: Uint8Array;
  /** A hello within it that is encrypted (RFC 9849 §5), or what only looks like one. */
  readonly encryptedHello: EncryptedHello | undefined;
}

/** The extension encrypted_client_hello of an outer hello (RFC 9849 §5). */
export interface EncryptedHello {
  readonly kdf: number;
  readonly aead: number;
  readonly payload: Uint8Array;
  /** The outer hello's body, with zeros for the payload: what is authenticated (RFC 9849 §5.2). */
  readonly additionalData: Uint8Array;
}

/** What a ServerHello says that matters here (RFC 8446 §4.1.3). */
export interface ServerHello {
  readonly random: Uint8Array;
  /** As on the wire; TLS 1.3's comes from the extension. */
  readonly version: number;
  readonly cipherSuite: number;
  readonly alpnProtocol: string | undefined;
  readonly sessionId: Uint8Array;
  readonly encryptThenMac: boolean;
  /** The master secret follows from the whole handshake (RFC 7627). */
  readonly extendedMasterSecret: boolean;
  /** It asks for another ClientHello, and is the answer to none yet. */
  readonly isRetry: boolean;
}

/** Reads the body of a ClientHello; undefined if it is malformed. */
export function readClientHello(body: Uint8Array): ClientHello | undefined {
  const reader = new ByteReader(body);
  reader.skip(2);
  const random = reader.bytes(randomLength).slice();
  reader.skip(reader.uint8());
  reader.skip(reader.uint16());
  reader.skip(reader.uint8());
  if (reader.failed) return undefined;
  const extensions = readExtensions(reader);
  if (extensions === undefined) return undefined;
  return {
    random,
    serverName: serverNameIn(extensions.get(Extension.serverName)),
    alpnProtocols: alpnIn(extensions.get(Extension.alpn)),
    offersEarlyData: extensions.has(Extension.earlyData),
    ticket: extensions.get(Extension.sessionTicket)?.slice() ?? new Uint8Array(),
    encryptedHello: encryptedHelloIn(extensions.get(Extension.encryptedClientHello), body),
  };
}

/** Reads the body of a ServerHello; undefined if it is malformed. */
export function readServerHello(body: Uint8Array): ServerHello | undefined {
  const reader = new ByteReader(body);
  const legacyVersion = reader.uint16();
  const random = reader.bytes(randomLength).slice();
  const sessionId = reader.bytes(reader.uint8()).slice();
  const cipherSuite = reader.uint16();
  reader.skip(1);
  if (reader.failed) return undefined;
  const extensions = readExtensions(reader);
  if (extensions === undefined) return undefined;
  const selected = extensions.get(Extension.supportedVersions);
  return {
    random,
    version: selected === undefined ? legacyVersion : new ByteReader(selected).uint16(),
    cipherSuite,
    alpnProtocol: alpnIn(extensions.get(Extension.alpn))[0],
    sessionId,
    extendedMasterSecret: extensions.has(Extension.extendedMasterSecret),
    encryptThenMac: extensions.has(Extension.encryptThenMac),
    isRetry: random.every((byte, at) => byte === retryRandom[at]),
  };
}

/** The protocol that EncryptedExtensions select (RFC 8446 §4.3.1), if any. */
export function readEncryptedExtensions(body: Uint8Array): string | undefined {
  return alpnIn(readExtensions(new ByteReader(body))?.get(Extension.alpn))[0];
}

/** By type; none at all where the message ends before them, as it may in TLS 1.2. */
function readExtensions(reader: ByteReader): Map<number, Uint8Array> | undefined {
  const extensions = new Map<number, Uint8Array>();
  if (reader.left === 0) return extensions;
  const all = new ByteReader(reader.bytes(reader.uint16()));
  while (all.left > 0) {
    const type = all.uint16();
    const value = all.bytes(all.uint16());
    if (all.failed) return undefined;
    extensions.set(type, value);
  }
  return reader.failed ? undefined : extensions;
}

/** RFC 6066 §3: a list, in which only the kind host_name is defined. */
function serverNameIn(value: Uint8Array | undefined): string | undefined {
  if (value === undefined || value.length === 0) return undefined;
  const reader = new ByteReader(value);
  reader.skip(2);
  const kind = reader.uint8();
  const name = reader.bytes(reader.uint16());
  return reader.failed || kind !== 0 ? undefined : new TextDecoder('latin1').decode(name);
}

/** RFC 7301 §3.1. Names are bytes, in practice of ASCII. */
function alpnIn(value: Uint8Array | undefined): string[] {
  if (value === undefined) return [];
  const reader = new ByteReader(value);
  const list = new ByteReader(reader.bytes(reader.uint16()));
  const names: string[] = [];
  while (list.left > 0) names.push(new TextDecoder('latin1').decode(list.bytes(list.uint8())));
  return list.failed || reader.failed ? [] : names;
}

/** RFC 9849 §5: of an outer hello, whose type is 0. */
function encryptedHelloIn(value: Uint8Array | undefined, body: Uint8Array): EncryptedHello | undefined {
  if (value === undefined) return undefined;
  const reader = new ByteReader(value);
  const type = reader.uint8();
  const [kdf, aead] = [reader.uint16(), reader.uint16()];
  reader.skip(1);
  reader.skip(reader.uint16());
  const payload = reader.bytes(reader.uint16());
  if (type !== 0 || reader.failed || payload.length === 0) return undefined;
  const additionalData = body.slice();
  const start = payload.byteOffset - body.byteOffset;
  additionalData.fill(0, start, start + payload.length);
  return { kdf, aead, payload: payload.slice(), additionalData };
}

const Extension = {
  serverName: 0,
  alpn: 16,
  encryptThenMac: 22,
  extendedMasterSecret: 23,
  sessionTicket: 35,
  earlyData: 42,
  supportedVersions: 43,
  encryptedClientHello: 0xfe0d,
} as const;

const randomLength = 32;

/** RFC 8446 §4.1.3: the SHA-256 of "HelloRetryRequest". */
const retryRandom: readonly number[] = [
  0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
  0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
