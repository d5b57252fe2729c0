import 'reflect-metadata';
import { createPrivateKey } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { daysFromNow, type Identity } from './certificates.ts';

/**
 * A certificate whose issuer's name has `parts` parts, and with `points` CRL distribution points that are relative to it, or absolute and
 * as short as can be (RFC 5280 §4.2.1.13).
 */
export async function longNamed(parts: number, points: number, isRelative = true): Promise<Identity> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const commonName = der(0x30, Buffer.from('0603550403', 'hex'), der(0x13, Buffer.from('x')));
  // nameRelativeToCRLIssuer, a set of attributes, or fullName, an empty URI, in a DistributionPointName in a DistributionPoint.
  const point = der(0x30, der(0xa0, isRelative ? der(0xa1, commonName) : der(0xa0, der(0x86))));
  const distribution = new Uint8Array(der(0x30, ...Array.from({ length: points }, () => point)));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '01',
    subject: 'CN=localhost',
    issuer: Array.from({ length: parts }, (_, i) => `CN=${i}`).join(', '),
    notBefore: daysFromNow(-1),
    notAfter: daysFromNow(1),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.Extension('2.5.29.31', false, distribution)],
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return { cert: certificate.toString('pem'), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** DER of a tag, its length and its content (X.690 §8.1). */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [length] : [0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Uint8Array.of(tag, ...head), content]);
}
