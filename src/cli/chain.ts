import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from '../index.ts';

/** A certificate, as far as people want to know. */
export interface ChainLink {
  readonly subject: string;
  readonly issuer: string;
  /** Subject alternative names. */
  readonly names: string | null;
  readonly validFrom: string;
  readonly validTo: string;
  readonly key: string;
  readonly serialNumber: string;
  readonly fingerprint256: string;
}

/** The peer's chain, its own certificate first, up to the anchor where it could be verified. */
export function peerChain(socket: TLSSocket): ChainLink[] {
  const links: ChainLink[] = [];
  let certificate = socket.getPeerCertificate(true);
  // An anchor is its own issuer; and no more than a peer can have sent.
  while (certificate?.raw && links.length < mostLinks) {
    links.push(describe(new X509Certificate(certificate.raw)));
    const issuer = certificate.issuerCertificate;
    if (!issuer || issuer === certificate || issuer.fingerprint256 === certificate.fingerprint256) break;
    certificate = issuer;
  }
  return links;
}

function describe(certificate: X509Certificate): ChainLink {
  return {
    subject: onOneLine(certificate.subject),
    issuer: onOneLine(certificate.issuer),
    names: certificate.subjectAltName ?? null,
    validFrom: new Date(certificate.validFrom).toISOString(),
    validTo: new Date(certificate.validTo).toISOString(),
    key: keyInWords(certificate),
    serialNumber: certificate.serialNumber,
    fingerprint256: certificate.fingerprint256,
  };
}

/** Node.js puts each part of a name on a line. */
function onOneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ');
}

function keyInWords({ publicKey }: X509Certificate): string {
  const { asymmetricKeyType = 'unknown', asymmetricKeyDetails = {} } = publicKey;
  const { namedCurve, modulusLength } = asymmetricKeyDetails;
  const size = namedCurve ?? (modulusLength === undefined ? undefined : `${modulusLength} bits`);
  return [asymmetricKeyType.toUpperCase(), size].filter(Boolean).join(' ');
}

const mostLinks = 20;
