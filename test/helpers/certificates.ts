import 'reflect-metadata';
import { createPrivateKey, randomBytes } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate and its key, PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** An identity that can issue others. */
export interface Authority extends Identity {
  readonly keys: CryptoKeyPair;
  readonly subject: string;
}

export type KeyKind = 'rsa' | 'ecdsa';

export interface IdentityOptions {
  readonly keyKind?: KeyKind;
  readonly commonName?: string;
  /** Subject alternative names; IP addresses count as such. None by default for clients. */
  readonly names?: readonly string[];
  readonly validFrom?: Date;
  readonly validTo?: Date;
  readonly usage?: 'server' | 'client';
}

/** A self-signed authority. `issuer` makes it an intermediate one. */
export async function makeAuthority(
  options: { commonName?: string; keyKind?: KeyKind; issuer?: Authority } = {},
): Promise<Authority> {
  const { commonName = `ktls test authority ${randomBytes(4).toString('hex')}`, keyKind = 'ecdsa', issuer } = options;
  const keys = await makeKeys(keyKind);
  const subject = `CN=${commonName}`;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject,
    issuer: issuer?.subject ?? subject,
    notBefore: daysFromNow(-1),
    notAfter: daysFromNow(30),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: signatureOf(issuer?.keys ?? keys),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key: await privatePem(keys), keys, subject };
}

/** A certificate from `authority`; from itself where there is none. For localhost unless `names` says otherwise. */
export async function issue(authority: Authority | undefined, options: IdentityOptions = {}): Promise<Identity> {
  const { keyKind = 'ecdsa', usage = 'server', validFrom = daysFromNow(-1), validTo = daysFromNow(20) } = options;
  const names = options.names ?? (usage === 'server' ? ['localhost', '127.0.0.1', '::1'] : []);
  const subject = `CN=${options.commonName ?? names[0] ?? 'client'}`;
  const keys = await makeKeys(keyKind);
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[usage === 'server' ? 'serverAuth' : 'clientAuth']]),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
  ];
  if (names.length > 0) {
    const general = names.map((value) => ({
      type: /^[\d.]+$|:/.test(value) ? ('ip' as const) : ('dns' as const),
      value,
    }));
    extensions.push(new x509.SubjectAlternativeNameExtension(general));
  }
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject,
    issuer: authority?.subject ?? subject,
    notBefore: validFrom,
    notAfter: validTo,
    publicKey: keys.publicKey,
    signingKey: (authority?.keys ?? keys).privateKey,
    signingAlgorithm: signatureOf(authority?.keys ?? keys),
    extensions,
  });
  return { cert: `${certificate.toString('pem')}\n`, key: await privatePem(keys) };
}

/** A revocation list of `authority`, PEM. */
export async function revoke({ subject, keys }: Authority, certificates: readonly string[]): Promise<string> {
  const entries = certificates.map((pem) => ({
    serialNumber: new x509.X509Certificate(pem).serialNumber,
    revocationDate: daysFromNow(-1),
  }));
  const list = await x509.X509CrlGenerator.create({
    issuer: subject,
    thisUpdate: daysFromNow(-1),
    nextUpdate: daysFromNow(10),
    signingKey: keys.privateKey,
    signingAlgorithm: signatureOf(keys),
    entries,
  });
  return `${list.toString('pem').replaceAll(' CRL-', ' X509 CRL-')}\n`;
}

/** The key as PKCS #8 under a passphrase. */
export function encryptKey(key: string, passphrase: string): string {
  const encrypted = createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });
  return encrypted.toString();
}

export function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * 86_400_000);
}

function makeKeys(kind: KeyKind): Promise<CryptoKeyPair> {
  const usages = ['sign', 'verify'] as const;
  return kind === 'rsa'
    ? crypto.subtle.generateKey(algorithms.rsa, true, usages)
    : crypto.subtle.generateKey(algorithms.ecdsa, true, usages);
}

async function privatePem(keys: CryptoKeyPair): Promise<string> {
  const der = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

function signatureOf(keys: CryptoKeyPair): (typeof algorithms)[KeyKind] {
  return keys.privateKey.algorithm.name === 'ECDSA' ? algorithms.ecdsa : algorithms.rsa;
}

/** Positive and at most 20 bytes long (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  return `01${randomBytes(15).toString('hex')}`;
}

const algorithms = {
  rsa: { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
  ecdsa: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
};
