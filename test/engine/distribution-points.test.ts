import 'reflect-metadata';
import { createPrivateKey } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { beforeAll, expect, it } from 'vitest';
import { TrustStore } from '../../src/engine/trust-store.ts';
import type { Identity } from '../helpers/certificates.ts';
import { clientContext, EnginePair, makeModule, serverContext } from './engine-pair.ts';

/** DER of a tag, its length and its content (X.690 §8.1). */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.of(tag, ...head), content]);
}

/** A certificate whose `points` CRL distribution points are relative to an issuer's name of `parts` parts (RFC 5280 §4.2.1.13). */
async function issue(points: number, parts: number): Promise<Identity> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const commonName = der(0x30, Buffer.from('0603550403', 'hex'), der(0x13, Buffer.from('x')));
  // nameRelativeToCRLIssuer, a set of attributes, in a DistributionPointName in a DistributionPoint.
  const point = der(0x30, der(0xa0, der(0xa1, commonName)));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '01',
    subject: 'CN=localhost',
    issuer: Array.from({ length: parts }, (_, i) => `CN=${i}`).join(', '),
    notBefore: new Date(Date.now() - 1e7),
    notAfter: new Date(Date.now() + 1e7),
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.Extension('2.5.29.31', false, new Uint8Array(der(0x30, ...Array.from({ length: points }, () => point)))),
    ],
  });
  const key = createPrivateKey({
    key: Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)),
    format: 'der',
    type: 'pkcs8',
  });
  return { cert: certificate.toString('pem'), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** What a client's heap grows by when it looks at a server's certificate, which it trusts as such, in MiB; and whether it then does. */
function look(identity: Identity): { growth: number; trusts: boolean } {
  const module = makeModule();
  const client = clientContext(module);
  const store = new TrustStore(module);
  store.add(Buffer.from(few.cert));
  store.allowPartialChains();
  // The other's certificate would be looked at when it gets into the store.
  if (identity === few) client.useTrustStore(store, false);
  const pair = new EnginePair({ client, server: serverContext(makeModule(), identity) });
  const before = module.heap.size;
  pair.handshake();
  return { growth: (module.heap.size - before) / 2 ** 20, trusts: pair.client.verifyResult === 0 };
}

let many: Identity;
let few: Identity;

beforeAll(async () => {
  many = await issue(1000, 500);
  few = await issue(4, 4);
});

it('CVE-2026-35189: many relative distribution points take no memory to speak of', () => {
  expect(look(many)).toEqual({ growth: 0, trusts: false });
});

it('a few do no harm to a certificate that is trusted', () => {
  expect(look(few)).toEqual({ growth: 0, trusts: true });
});
