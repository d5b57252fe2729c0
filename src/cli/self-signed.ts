import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { bitString, context, integer, objectIdentifier, octetString, sequence, set, time, utf8String } from './der.ts';

/** A key and its certificate, PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** A new ECDSA P-256 key with a self-signed certificate for the names, which are host names and addresses. */
export function selfSigned(names: readonly [string, ...string[]], { days = 30 }: { days?: number } = {}): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Date.now();
  const name = sequence(set(sequence(objectIdentifier(oid.commonName), utf8String(names[0]))));
  // RFC 5280 §4.1.
  const toBeSigned = sequence(
    context(0, integer(Buffer.of(2)), 'constructed'),
    integer(randomBytes(16)),
    ecdsaWithSha256,
    name,
    // Clocks differ: valid from yesterday on.
    sequence(time(new Date(now - day)), time(new Date(now + days * day))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    context(3, sequence(...extensions(names)), 'constructed'),
  );
  const signature = sign('sha256', toBeSigned, privateKey);
  return {
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    cert: pem('CERTIFICATE', sequence(toBeSigned, ecdsaWithSha256, bitString(signature))),
  };
}

function extensions(names: readonly string[]): Buffer[] {
  return [
    // Not an authority: whoever trusts it trusts these names only.
    extension(oid.basicConstraints, sequence()),
    extension(oid.subjectAltName, sequence(...names.map(generalName))),
    extension(oid.extKeyUsage, sequence(objectIdentifier(oid.serverAuth))),
  ];
}

function extension(id: string, value: Uint8Array): Buffer {
  return sequence(objectIdentifier(id), octetString(value));
}

/** RFC 5280 §4.2.1.6: dNSName is [2], iPAddress [7]. */
function generalName(name: string): Buffer {
  const version = isIP(name);
  if (version === 0) return context(2, Buffer.from(name), 'primitive');
  return context(7, version === 4 ? Buffer.from(name.split('.').map(Number)) : ipv6Bytes(name), 'primitive');
}

/** The 16 bytes of an address (RFC 4291 §2.2); what names its interface is left out. */
function ipv6Bytes(address: string): Buffer {
  // A URL's host is in the canonical form: no dotted quads, and at most one ::.
  const canonical = new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = canonical.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

const oid = {
  commonName: '2.5.4.3',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

const ecdsaWithSha256 = sequence(objectIdentifier(oid.ecdsaWithSha256));

const day = 24 * 60 * 60 * 1000;
