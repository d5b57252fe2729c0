import { type KeyObject, X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';

/**
 * A certificate in node:tls's form. Not every release of Node.js can make that form of every key, and whose certificate it is, is the peer's
 * choice: node:crypto is asked for it with the keys that all releases show, and what is of another one is put in here.
 */
export function legacyCertificate(certificate: X509Certificate): PeerCertificate {
  const key = keyOf(certificate);
  const curve = key?.asymmetricKeyType === 'ec' ? (key.asymmetricKeyDetails?.namedCurve ?? '') : undefined;
  if (key && (curve === undefined || nistCurves.has(curve))) return certificate.toLegacyObject();
  const { raw, fingerprint, fingerprint256, fingerprint512 } = certificate;
  const ofKey = key && curve && { bits: bitsOf(curve), pubkey: pointIn(raw), asn1Curve: curve };
  return Object.assign(withOtherKey(certificate), ofKey, { fingerprint, fingerprint256, fingerprint512, raw });
}

/** Undefined for one that cannot be read. */
function keyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}

function withOtherKey(certificate: X509Certificate): PeerCertificate {
  const { raw } = certificate;
  const { toBeSigned, start, end } = keyIn(raw);
  const signed = sequence(raw.subarray(toBeSigned.start, start), otherKey, raw.subarray(end, toBeSigned.end));
  try {
    return new X509Certificate(sequence(signed, raw.subarray(toBeSigned.end))).toLegacyObject();
  } catch {
    // It is not as DER has it, and shows no names that somebody could rely on.
    const { validFrom, validTo, serialNumber, ca } = certificate;
    const none = { subject: {}, issuer: {} };
    return Object.assign(Object.create(null), none, { ca, valid_from: validFrom, valid_to: validTo, serialNumber });
  }
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/** Where the key is, with its type, and what it is in (RFC 5280 §4.1). */
function keyIn(der: Uint8Array): Place & { readonly toBeSigned: Place } {
  const toBeSigned = valueAt(der, valueAt(der, 0).start);
  // There is a version before the number, the signature's algorithm, issuer, validity and subject.
  let start = toBeSigned.start;
  for (let passed = der[start] === versionTag ? 0 : 1; passed < 6; passed++) start = valueAt(der, start).end;
  return { toBeSigned, start, end: valueAt(der, start).end };
}

/** The point of a curve that a key is (RFC 5480 §2): the first byte of its bits says how many of the last are none. */
function pointIn(der: Uint8Array): Buffer {
  const algorithm = valueAt(der, valueAt(der, keyIn(der).start).start);
  const bits = valueAt(der, algorithm.end);
  return Buffer.from(der.subarray(bits.start + 1, bits.end));
}

/** The value of what begins at `at`. */
function valueAt(der: Uint8Array, at: number): Place {
  const first = der[at + 1] ?? 0;
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  const start = at + 2 + (first & 0x7f);
  return { start, end: start + der.subarray(at + 2, start).reduce((length, byte) => length * 256 + byte, 0) };
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Uint8Array.of(0x30, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff), ...parts]);
}

/** Names of such curves say it. */
function bitsOf(curve: string): number | undefined {
  const [digits] = /\d{3}/.exec(curve) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

const versionTag = 0xa0;

/** One that node:tls's form has nothing of: of Ed25519 (RFC 8410 §4), all zeros. */
const otherKey = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.alloc(32)]);

/** By OpenSSL's names: those of FIPS 186-4, appendix D. */
const nistCurves: ReadonlySet<string> = new Set([
  ...['prime192v1', 'secp224r1', 'prime256v1', 'secp384r1', 'secp521r1'],
  ...['sect163r2', 'sect233r1', 'sect283r1', 'sect409r1', 'sect571r1'],
  ...['sect163k1', 'sect233k1', 'sect283k1', 'sect409k1', 'sect571k1'],
]);
