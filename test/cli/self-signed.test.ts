import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { integer, objectIdentifier, octetString, time } from '../../src/cli/der.ts';
import { selfSigned } from '../../src/cli/self-signed.ts';

describe('a self-signed certificate', () => {
  const { key, cert } = selfSigned(['localhost', '127.0.0.1', 'ktls.example']);
  const certificate = new X509Certificate(cert);

  test('is of the key, and signed by it', () => {
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
  });

  test('is for its names, and no authority', () => {
    expect(certificate.subject).toBe('CN=localhost');
    expect(certificate.subjectAltName).toBe('DNS:localhost, IP Address:127.0.0.1, DNS:ktls.example');
    expect(certificate.checkHost('ktls.example')).toBe('ktls.example');
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(certificate.checkHost('example.com')).toBeUndefined();
    expect(certificate.ca).toBe(false);
  });

  test('is valid now, and for as long as it was asked to be', () => {
    expect(Date.parse(certificate.validFrom)).toBeLessThan(Date.now());
    const { cert: short } = selfSigned(['localhost'], { days: 2 });
    const end = Date.parse(new X509Certificate(short).validTo);
    expect(Math.abs(end - Date.now() - 2 * 24 * 3600 * 1000)).toBeLessThan(60_000);
  });

  test('differs from the next', () => {
    const other = new X509Certificate(selfSigned(['localhost']).cert);
    expect(other.serialNumber).not.toBe(certificate.serialNumber);
    expect(other.publicKey.equals(certificate.publicKey)).toBe(false);
  });
});

describe('DER', () => {
  test.each([
    ['zero', integer(Buffer.of(0, 0)), '020100'],
    ['leading zeros', integer(Buffer.of(0, 0, 5)), '020105'],
    ['the top bit', integer(Buffer.of(0x80)), '02020080'],
    ['an object identifier', objectIdentifier('1.2.840.10045.4.3.2'), '06082a8648ce3d040302'],
    [
      'a date up to 2049',
      time(new Date('2049-12-31T23:59:59Z')),
      `170d${Buffer.from('491231235959Z').toString('hex')}`,
    ],
    ['a later date', time(new Date('2050-01-01T00:00:00Z')), `180f${Buffer.from('20500101000000Z').toString('hex')}`],
  ])('%s', (_name, der, hex) => {
    expect(der.toString('hex')).toBe(hex);
  });

  test.each([
    [127, '047f'],
    [128, '048180'],
    [255, '0481ff'],
    [256, '04820100'],
    [65535, '0482ffff'],
  ])('a length of %i', (length, start) => {
    const der = octetString(Buffer.alloc(length));
    expect(der.subarray(0, start.length / 2).toString('hex')).toBe(start);
    expect(der).toHaveLength(start.length / 2 + length);
  });
});
