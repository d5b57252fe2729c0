import type { NonSharedBuffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import type { EphemeralKeyInfo, PeerCertificate } from 'node:tls';
import type { Connection } from '../connection/connection.ts';
import type { Negotiated } from '../connection/negotiated.ts';
import { isOneOf, letNodeRefuseCall } from '../context/node-errors.ts';
import { codedError, type TLSError } from '../errors/coded.ts';
import { verifyErrorNames } from '../protocol/verify-error.ts';
import { ProtocolVersion } from '../protocol/version.ts';
import { legacyCertificate } from './legacy-certificate.ts';

/** What is known of both ends. */
type Told = Pick<Connection, 'negotiated' | 'inspection'>;

/**
 * The peer's certificate in node:tls's form, an object without properties when there is none. With `detailed`, each has its issuer in
 * `issuerCertificate`, a self-signed one itself.
 */
export function peerCertificate(connection: Told, detailed: boolean): object {
  const chain = (detailed ? fullChain(connection) : connection.negotiated.peerChain.slice(0, 1)).map(parse);
  let issuer: PeerCertificate | undefined;
  for (const certificate of chain.reverse()) {
    const legacy = legacyCertificate(certificate);
    if (detailed) {
      const issuerCertificate = issuer ?? (certificate.checkIssued(certificate) ? legacy : undefined);
      if (issuerCertificate) Object.assign(legacy, { issuerCertificate });
    }
    issuer = legacy;
  }
  return issuer ?? {};
}

/** Same, of this side. */
export function ownCertificate({ inspection }: Told): object {
  const certificate = x509(inspection.ownCertificate);
  return certificate ? legacyCertificate(certificate) : {};
}

export function x509(der: Uint8Array | undefined): X509Certificate | undefined {
  return der && parse(der);
}

/** The first of a chain, which knows the second where that is its issuer. */
export function x509OfChain([leaf, next]: readonly Uint8Array[]): X509Certificate | undefined {
  if (!leaf || !next) return x509(leaf);
  const issuer = parse(next);
  if (!parse(leaf).checkIssued(issuer)) return parse(leaf);
  return cached(`${latin1(leaf)}${latin1(next)}`, () => {
    const certificate = new X509Certificate(leaf);
    Object.defineProperty(certificate, 'issuerCertificate', { value: issuer });
    return certificate;
  });
}

/** A certificate in node:tls's form for one who looks and does not touch: all get the same object. */
export function sharedLegacy(certificate: X509Certificate): PeerCertificate {
  const known = legacies.get(certificate) ?? legacyCertificate(certificate);
  legacies.set(certificate, known);
  return known;
}

const legacies = new WeakMap<X509Certificate, PeerCertificate>();

/** The same peers are met again and again, and parsing takes 0.2 ms of a handshake's 2. An X509Certificate cannot be changed. */
function parse(der: Uint8Array): X509Certificate {
  return cached(latin1(der), () => new X509Certificate(der));
}

function latin1(der: Uint8Array): string {
  return Buffer.from(der.buffer, der.byteOffset, der.length).toString('latin1');
}

function cached(text: string, make: () => X509Certificate): X509Certificate {
  const known = certificates.get(text);
  if (known) return known;
  const certificate = make();
  if (certificates.size >= mostCertificates) certificates.clear();
  certificates.set(text, certificate);
  return certificate;
}

const certificates = new Map<string, X509Certificate>();
const mostCertificates = 64;

/**
 * Why the peer is not trusted, with node:tls's code; null when it is. One without a certificate is not, unless it has shown that it knows
 * a key that both share (RFC 4279, RFC 8446 §2.2).
 */
export function verifyError(negotiated: Negotiated | undefined, isServer: boolean): TLSError | null {
  if (!negotiated || negotiated.peerChain.length === 0) {
    const isKnown = negotiated !== undefined && knowsSharedKey(negotiated, isServer);
    return isKnown ? null : codedError('UNABLE_TO_GET_ISSUER_CERT', noCertificate);
  }
  const { verifyResult, verifyText } = negotiated;
  return verifyResult === 0 ? null : codedError(verifyErrorNames[verifyResult] ?? 'UNSPECIFIED', verifyText);
}

/**
 * A server of TLS 1.3 cannot tell a client with a key of its own from one that resumes a session made without a certificate: where it asks
 * for one, it wants one.
 */
function knowsSharedKey({ cipher, version, sessionReused }: Negotiated, isServer: boolean): boolean {
  if (version === ProtocolVersion.tls13) return !isServer && sessionReused;
  return cipher !== undefined && /^(?:(?:EC)?DHE-)?PSK-/.test(cipher.name);
}

const noCertificate = 'the peer did not send a certificate';

/** Where it was verified the whole way up to the anchor, else what the peer sent. */
function fullChain({ inspection, negotiated }: Told): readonly Uint8Array[] {
  const verified = inspection.verifiedChain;
  return verified.length > 0 ? verified : negotiated.peerChain;
}

/** Client: the server's share of the key exchange, in node:tls's form; null on a server. */
export function ephemeralKeyInfo(
  { inspection, negotiated }: Told,
  isServer: boolean,
): EphemeralKeyInfo | object | null {
  if (isServer) return null;
  const { ephemeralKey: key } = inspection;
  const { group } = negotiated;
  // OpenSSL has no key to show of a hybrid group, and neither has a resumed session of TLS 1.2.
  if (!key) return group ? { type: 'TLSGroup', name: group, size: undefined } : {};
  return key.type === 'DH' ? { type: key.type, size: key.size } : key;
}

/** The algorithms that both sides know, in node:tls's names. */
export function sharedSignatureAlgorithms({ inspection }: Told): string[] {
  // node:tls writes these two in its own way.
  return inspection.sharedSignatureAlgorithms.map((name) => name.replace(/^ED(25519|448)$/, 'Ed$1+UNDEF'));
}

/** Throws ERR_TLS_INVALID_STATE for no connection, which stands for one whose handshake is not done. */
export function keyingMaterial(
  connection: Told | undefined,
  length: number,
  label: string,
  context?: Buffer,
): NonSharedBuffer {
  const valid = Number.isInteger(length) && length > 0 && typeof label === 'string' && isOneOf(context, 'bytes');
  if (!valid) letNodeRefuseCall('exportKeyingMaterial', [length, label, context]);
  if (!connection) throw codedError('ERR_TLS_INVALID_STATE', 'TLS socket connection must be securely established');
  const material = connection.inspection.exportKeyingMaterial(length, label, context);
  const copy = Buffer.from(material);
  material.fill(0);
  return copy;
}
