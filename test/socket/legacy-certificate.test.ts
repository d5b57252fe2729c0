import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { legacyCertificate } from '../../src/socket/legacy-certificate.ts';
import { issue } from '../helpers/certificates.ts';

/** Self-signed, as `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:…` makes them. */
const brainpool = Buffer.from(
  'MIIBjzCCATagAwIBAgIUd9d8WvLRmMOWsXOsvKT2hEn8FoQwCgYIKoZIzj0EAwIwHTEbMBkGA1UEAwwSZWMtYnJhaW5wb29sUDI1' +
    'NnIxMB4XDTI2MTEyOTE2MzgxNloXDTI2MTIyOTE2MzgxNlowHTEbMBkGA1UEAwwSZWMtYnJhaW5wb29sUDI1NnIxMFowFAYHKoZI' +
    'zj0CAQYJKyQDAwIIAQEHA0IABAr7ISTg2nQziXBs9T9SnaCtFwOvZwtnY4ENRAu9zVx+evaGTszMwhK9x9QdX5M0M1r/g2fD7Ar8' +
    'U9tKSv2jR42jUzBRMB0GA1UdDgQWBBTnSedMpHHCHhZQ+batpyuS6sy7MTAfBgNVHSMEGDAWgBTnSedMpHHCHhZQ+batpyuS6sy7' +
    'MTAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIA3HzlMU1hNJrK/b/RyjeoDslHl6y40AC9cHCKvpIBvtAiBxnrW7' +
    '48x8I67U3fupXbFLK4rkD+vOObY0228L7djDQA==',
  'base64',
);
/** With `ec_param_enc:explicit`: the curve is written out. */
const explicit = Buffer.from(
  'MIICYTCCAgegAwIBAgIUGObMifYuHg/fI2HAu49iyCmMl3wwCgYIKoZIzj0EAwIwGDEWMBQGA1UEAwwNZWN4LXNlY3AyNTZrMTAe' +
    'Fw0yNjExMjkxNjM4MTZaFw0yNjEyMjkxNjM4MTZaMBgxFjAUBgNVBAMMDWVjeC1zZWNwMjU2azEwggEzMIHsBgcqhkjOPQIBMIHg' +
    'AgEBMCwGByqGSM49AQECIQD////////////////////////////////////+///8LzBEBCAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' +
    'AAAAAAAAAAAAAAQgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAcEQQR5vmZ++dy7rFWgYpXOhwsHApv82y3OKNlZ8oFb' +
    'FvgXmEg62ncmo8RlXaT7/A4RCKj9F7RIpoVUGZxH0I/7ENS4AiEA/////////////////////rqu3OavSKA7v9JejNA2QUECAQED' +
    'QgAE4t+upxAHIbatYdM7ttWmYIs/PD3J1W7mZTi8/NwLugzCXQNXU9WjOXtipcCfoaJCTxIE82jUTjGIQ2xNF8sJyaNTMFEwHQYD' +
    'VR0OBBYEFBkyB6TZzpv+2VvVmh9l8rbLJA5lMB8GA1UdIwQYMBaAFBkyB6TZzpv+2VvVmh9l8rbLJA5lMA8GA1UdEwEB/wQFMAMB' +
    'Af8wCgYIKoZIzj0EAwIDSAAwRQIgJcwACA5bmoyCre6Vv8wsUXcWRsZQvbFwevzE1Oa0nXkCIQC2nWGgr6fWSyHxm2XvBb3uxGEZ' +
    'w95VcdXMsGXjpmS7dg==',
  'base64',
);
/** id-ecPublicKey (RFC 5480 §2.1.1). */
const ecPublicKey = Buffer.from('06072a8648ce3d0201', 'hex');

// Where this is left to Node.js 24, the test does not come back.
test.each([
  { der: brainpool, curve: 'brainpoolP256r1', name: 'ec-brainpoolP256r1' },
  { der: explicit, curve: 'secp256k1', name: 'ecx-secp256k1' },
])('a certificate with a key on a curve without a name of NIST is shown as Node.js 22 does: $name', (made) => {
  const certificate = new X509Certificate(made.der);
  const { subject, issuer, bits, pubkey, asn1Curve, nistCurve, raw, ...others } = legacyCertificate(certificate);
  expect([{ ...subject }, { ...issuer }]).toEqual([{ CN: made.name }, { CN: made.name }]);
  expect([bits, asn1Curve, nistCurve]).toEqual([256, made.curve, undefined]);
  expect(pubkey).toEqual(certificate.publicKey.export({ type: 'spki', format: 'der' }).subarray(-65));
  expect(raw.equals(made.der)).toBe(true);
  const { fingerprint, fingerprint256, fingerprint512, serialNumber, ca } = certificate;
  expect(others).toMatchObject({ fingerprint, fingerprint256, fingerprint512, serialNumber, ca });
  expect([others.valid_from, others.valid_to]).toEqual([certificate.validFrom, certificate.validTo]);
});

test('one with a key that cannot be read is shown without it', () => {
  const der = Buffer.from(brainpool);
  der[der.indexOf(ecPublicKey) + ecPublicKey.length - 1] = 0x7f;
  const certificate = new X509Certificate(der);
  expect(() => certificate.publicKey).toThrow();
  const { subject, pubkey, bits, fingerprint256 } = legacyCertificate(certificate);
  expect([subject.CN, pubkey, bits]).toEqual(['ec-brainpoolP256r1', undefined, undefined]);
  expect(fingerprint256).toBe(certificate.fingerprint256);
});

test('others are shown as Node.js shows them', async () => {
  const certificate = new X509Certificate((await issue(undefined)).cert);
  expect(legacyCertificate(certificate)).toEqual(certificate.toLegacyObject());
});
