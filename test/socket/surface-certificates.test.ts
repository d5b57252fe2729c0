import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, encryptKey, type Identity, issue, makeAuthority, revoke } from '../helpers/certificates.ts';
import { unless } from '../helpers/unless.ts';
import { type Identities, makeIdentities } from './identities.ts';
import { hasOpenSSLProgram } from './scenario.ts';
import {
  bothSecure,
  codeOf,
  dial,
  type Ends,
  listening,
  open,
  outcome,
  type Pair,
  pairs,
  same,
  thrownBy,
  versions,
} from './surface.ts';

let identities: Identities;
let intermediate: Authority;
let below: Identity;
let belowClient: Identity;
let folder: string;
/** Revokes the identity `server`. */
let revoking: string;
/** Revokes nothing. */
let empty: string;

beforeAll(async () => {
  identities = await makeIdentities();
  intermediate = await makeAuthority({ issuer: identities.authority, commonName: 'intermediate' });
  below = await issue(intermediate);
  belowClient = await issue(intermediate, { usage: 'client', commonName: 'client below' });
  folder = mkdtempSync(join(tmpdir(), 'ktls-certificates-'));
  revoking = await revoke(identities.authority, [identities.server.cert, identities.client.cert]);
  empty = await revoke(identities.authority, []);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(pairs)('$name', (pair) => {
  describe.each(versions)('%s', (maxVersion) => {
    it.each<[string, tls.TlsOptions, () => tls.ConnectionOptions]>([
      ['required, trusted', {}, () => identities.client],
      ['required, none', {}, () => ({})],
      ['required, a stranger’s', {}, () => identities.stranger],
      ['required, self-signed', {}, () => identities.selfSigned],
      ['required, expired', {}, () => identities.expired],
      ['wanted, trusted', { rejectUnauthorized: false }, () => identities.client],
      ['wanted, none', { rejectUnauthorized: false }, () => ({})],
      ['wanted, a stranger’s', { rejectUnauthorized: false }, () => identities.stranger],
      ['wanted, self-signed', { rejectUnauthorized: false }, () => identities.selfSigned],
      ['wanted, not valid yet', { rejectUnauthorized: false }, () => identities.early],
      ['not asked for', { requestCert: false }, () => identities.client],
    ])('client certificates: %s', async (_, more, identity) => {
      await same(pair, async (by) => {
        const server = { requestCert: true, ca: identities.authority.cert, ...more };
        const { port, server: at } = await listening(by.server, { ...identities.server, ...server });
        const end = new Promise<unknown>((resolve) => {
          at.once('tlsClientError', (error) => resolve(codeOf(error)));
          at.once('secureConnection', (socket) => {
            resolve([socket.authorized, socket.authorizationError, socket.getPeerCertificate().subject]);
          });
        });
        const client = dial(by.client, port, identities, { maxVersion, ...identity() });
        client.on('error', () => {}).resume();
        return await end;
      });
    });

    it('getPeerCertificate(true): the chain as node’s, linked, with the root at itself', async () => {
      const seen = await same(pair, async (by) => {
        const { client, accepted } = await openChain(by, { maxVersion });
        const detailed = client.getPeerCertificate(true);
        return {
          detailed,
          names: namesOf(detailed),
          briefs: [client, accepted].map((one) => one.getPeerCertificate()),
        };
      });
      expect(seen.names).toEqual(['localhost', 'intermediate', identities.authority.subject.slice(3), 'itself']);
    });

    it('getPeerCertificate(true) of a server, where node:tls forgets the issuers', async () => {
      if (pair.server.name === 'node:tls') return;
      const { accepted } = await openChain(pair, { maxVersion });
      const names = namesOf(accepted.getPeerCertificate(true));
      expect(names).toEqual(['client below', 'intermediate', identities.authority.subject.slice(3), 'itself']);
    });

    it('getPeerX509Certificate, getX509Certificate, getCertificate', async () => {
      const seen = await same(pair, async (by) => {
        const { client, accepted } = await open(by, identities, {
          server: { requestCert: true, ca: identities.authority.cert },
          client: { maxVersion, ...identities.client },
        });
        return [client, accepted].map((socket) => ({
          peer: socket.getPeerX509Certificate()?.toString(),
          own: socket.getX509Certificate()?.toString(),
          object: socket.getCertificate(),
        }));
      });
      expect(seen.map(({ peer }) => peer?.trim())).toEqual([
        identities.server.cert.trim(),
        identities.client.cert.trim(),
      ]);
      expect(seen.map(({ own }) => own?.trim())).toEqual([
        identities.client.cert.trim(),
        identities.server.cert.trim(),
      ]);
    });

    it('the same of a side that has no certificate', async () => {
      await same(pair, async (by) => {
        const { client, accepted } = await open(by, identities, { client: { maxVersion } });
        return [
          [client.getX509Certificate(), client.getCertificate()],
          [accepted.getPeerX509Certificate(), accepted.getPeerCertificate(), accepted.getPeerCertificate(true)],
          [accepted.authorized, accepted.authorizationError],
        ];
      });
    });

    it('crl: what is revoked is refused by the client', async () => {
      expect(
        await same(pair, (by) => outcome(by, identities, { client: { maxVersion, crl: revoking } })),
      ).toMatchObject({
        client: 'CERT_REVOKED',
      });
      expect(await same(pair, (by) => outcome(by, identities, { client: { maxVersion, crl: [empty] } }))).toEqual({
        client: 'secure',
        server: 'secure',
      });
    });

    it('crl: what is revoked is refused by the server', async () => {
      const server = { requestCert: true, ca: identities.authority.cert, crl: revoking, rejectUnauthorized: false };
      const seen = await same(pair, async (by) => {
        const { accepted } = await open(by, identities, { server, client: { maxVersion, ...identities.client } });
        return [accepted.authorized, accepted.authorizationError];
      });
      expect(seen).toEqual([false, 'CERT_REVOKED']);
    });

    unless(!hasOpenSSLProgram && 'no openssl program', it)(
      'pfx: with a passphrase, without one, in a list, with its issuers',
      async () => {
        const [closed, unlocked] = [makePfx(below, 'secret', intermediate.cert), makePfx(below, '', intermediate.cert)];
        const none = { cert: undefined, key: undefined };
        for (const options of [
          { pfx: closed, passphrase: 'secret' },
          { pfx: unlocked },
          { pfx: [{ buf: closed, passphrase: 'secret' }] },
          { pfx: [{ buf: closed }], passphrase: 'secret' },
          { pfx: [unlocked] },
        ]) {
          const seen = await same(pair, async (by) => {
            const { client } = await open(by, identities, { server: { ...none, ...options }, client: { maxVersion } });
            return [client.authorized, client.getPeerX509Certificate()?.toString()];
          });
          expect(seen).toEqual([true, expect.stringContaining(below.cert.trim())]);
        }
      },
    );

    unless(!hasOpenSSLProgram && 'no openssl program', it)('pfx of a client', async () => {
      const pfx = makePfx(identities.client, 'secret', identities.authority.cert);
      await same(pair, async (by) => {
        const { accepted } = await open(by, identities, {
          server: { requestCert: true, ca: identities.authority.cert },
          client: { maxVersion, pfx, passphrase: 'secret' },
        });
        return [accepted.authorized, accepted.getPeerCertificate().subject];
      });
    });

    it('RSA and ECDSA: the one that the client can verify', async () => {
      const server = {
        cert: [identities.server.cert, identities.rsa.cert],
        key: [identities.server.key, encryptKey(identities.rsa.key, 'secret')],
        passphrase: 'secret',
      };
      const seen = await same(pair, async (by) => {
        const { port, server: at } = await listening(by.server, server);
        const certificates: unknown[] = [];
        for (const sigalgs of [
          'ecdsa_secp256r1_sha256',
          'rsa_pss_rsae_sha256:rsa_pkcs1_sha256:ecdsa_secp384r1_sha384',
          undefined,
        ]) {
          const options = { maxVersion, rejectUnauthorized: false, ...(sigalgs && { sigalgs }) };
          const { client } = await bothSecure(at, dial(by.client, port, identities, options));
          certificates.push(client.getPeerX509Certificate()?.toString().trim());
        }
        return certificates;
      });
      expect(seen.slice(0, 2)).toEqual([identities.server.cert.trim(), identities.rsa.cert.trim()]);
    });

    it('allowPartialTrustChain: an intermediate is enough', async () => {
      const server = { cert: below.cert, key: below.key };
      const of = (allowPartialTrustChain: boolean) => ({ maxVersion, ca: intermediate.cert, allowPartialTrustChain });
      const seen = [];
      for (const partial of [false, true]) {
        seen.push(await same(pair, (by) => outcome(by, identities, { server, client: of(partial) })));
      }
      expect(seen.map(({ client }) => client)).toEqual(['UNABLE_TO_GET_ISSUER_CERT', 'secure']);
    });
  });

  unless(!hasOpenSSLProgram && 'no openssl program', it)('what cannot be read is refused as by node:tls', () => {
    const { cert, key } = identities.server;
    const encrypted = encryptKey(key, 'secret');
    const pfx = makePfx(identities.server, 'secret', identities.authority.cert);
    for (const options of [
      { pfx, passphrase: 'wrong' },
      { pfx },
      { pfx: Buffer.from('none') },
      { cert, key: encrypted },
      { cert, key: encrypted, passphrase: 'wrong' },
      { cert, key: [{ pem: encrypted, passphrase: 'wrong' }] },
      { crl: 'nothing' },
      { ca: 'nothing' },
      { cert: [cert, identities.rsa.cert], key: [identities.rsa.key, identities.rsa.key] },
    ]) {
      const refused = (by: typeof pair.server): unknown => thrownBy(() => by.createSecureContext(options));
      const [atServer, atClient] = [refused(pair.server), refused(pair.client)];
      expect(atServer).toEqual(atClient);
    }
  });
});

function openChain(pair: Pair, client: tls.ConnectionOptions): Promise<Ends> {
  const cert = (identity: Identity): string => `${identity.cert}${intermediate.cert}`;
  return open(pair, identities, {
    server: { cert: cert(below), key: below.key, requestCert: true, ca: identities.authority.cert },
    client: { ...client, cert: cert(belowClient), key: belowClient.key },
  });
}

function namesOf(certificate: tls.DetailedPeerCertificate): unknown[] {
  const chain: tls.DetailedPeerCertificate[] = [];
  let next: tls.DetailedPeerCertificate | undefined = certificate;
  for (; next && !chain.includes(next); next = next.issuerCertificate) chain.push(next);
  const names: unknown[] = chain.map(({ subject }) => subject.CN);
  return next && next === chain.at(-1) ? [...names, 'itself'] : names;
}

function makePfx({ cert, key }: Identity, passphrase: string, issuer: string): Buffer {
  const [file, out] = [join(folder, 'all.pem'), join(folder, 'all.pfx')];
  writeFileSync(file, `${key}${cert}${issuer}`, { mode: 0o600 });
  execFileSync('openssl', ['pkcs12', '-export', '-in', file, '-out', out, '-passout', `pass:${passphrase}`]);
  return readFileSync(out);
}
