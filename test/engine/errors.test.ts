import { beforeAll, describe, expect, it } from 'vitest';
import { OpenSSLError } from '../../src/engine/openssl/openssl-error.ts';
import { TrustStore } from '../../src/engine/openssl/trust-store.ts';
import { failureError } from '../../src/failure.ts';
import { engineModule } from '../../src/platform/openssl/engine-host.ts';
import {
  type Authority,
  daysFromNow,
  encryptKey,
  type Identity,
  issue,
  makeAuthority,
} from '../helpers/certificates.ts';
import { isOpenSSL4 } from '../helpers/openssl-series.ts';
import { clientContext, EnginePair, type Side, serverContext, summary } from './engine-pair.ts';

const module = engineModule();
let authority: Authority;
let identity: Identity;

beforeAll(async () => {
  authority = await makeAuthority();
  identity = await issue(authority);
});

/** OpenSSL's words for how a side failed. */
function reason(pair: EnginePair, side: Side): string | undefined {
  return pair.find(side, 'error')?.entries[0]?.reason;
}

/** The code that applications see. */
function code(pair: EnginePair, side: Side): unknown {
  const entries = pair.find(side, 'error')?.entries ?? [];
  const error = failureError({ by: 'openssl', entries, alert: undefined });
  return 'code' in error && error.code;
}

describe('a server that is sent', () => {
  function server(bytes: Uint8Array): EnginePair {
    const pair = new EnginePair({ client: clientContext(module), server: serverContext(module, identity) });
    return pair.take('server', pair.server.resume()).take('server', pair.server.ciphertext(bytes));
  }

  it.each([
    ['an HTTP request', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'http request', 'ERR_SSL_HTTP_REQUEST'],
    ['a proxy request', 'CONNECT localhost:443 HTTP/1.1\r\n\r\n', 'https proxy request', 'ERR_SSL_HTTPS_PROXY_REQUEST'],
    ['some other protocol', 'EHLO mail.example\r\n', 'wrong version number', 'ERR_SSL_WRONG_VERSION_NUMBER'],
  ])('%s says so', (_, text, expected, expectedCode) => {
    const pair = server(Buffer.from(text));
    expect(reason(pair, 'server')).toBe(expected);
    expect(code(pair, 'server')).toBe(expectedCode);
  });

  it('a broken hello answers decode_error, of OpenSSL 4 illegal_parameter', () => {
    const pair = server(Uint8Array.of(22, 3, 1, 0, 5, 1, 0, 0, 1, 1));
    expect(summary(pair.outputs('server'))).toEqual(['ciphertext', `alert write ${isOpenSSL4 ? 47 : 50}`, 'error']);
  });

  it('is final: nothing is answered behind an error', () => {
    const pair = server(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    expect(pair.server.resume()).toEqual([]);
  });
});

describe('a client that is answered', () => {
  it('by an HTTP server says so', () => {
    const pair = new EnginePair({ client: clientContext(module), server: serverContext(module, identity) });
    pair.take('client', pair.client.resume());
    pair.take('client', pair.client.ciphertext(Buffer.from('HTTP/1.1 400 Bad Request\r\n')));
    expect(code(pair, 'client')).toBe('ERR_SSL_WRONG_VERSION_NUMBER');
  });

  it('with a record that was changed on the way answers bad_record_mac', () => {
    const none = { read: [], write: [] };
    const contexts = { client: clientContext(module, authority.cert), server: serverContext(module, identity) };
    const pair = new EnginePair(contexts, none).handshake();
    const [sent] = pair.server.write(Buffer.from('data'));
    const record = sent?.kind === 'ciphertext' ? sent.bytes.slice() : new Uint8Array();
    record[record.length - 1] = (record.at(-1) ?? 0) ^ 1;
    pair.take('client', pair.client.ciphertext(record));
    expect(summary(pair.outputs('client'))).toContain('alert write 20');
    expect(code(pair, 'client')).toBe('ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC');
  });
});

describe('sides that cannot agree', () => {
  it('on a version', () => {
    const contexts = {
      client: clientContext(module, authority.cert, 0x0304),
      server: serverContext(module, identity, 0x0303),
    };
    const pair = new EnginePair(contexts).handshake();
    expect(code(pair, 'server')).toBe('ERR_SSL_UNSUPPORTED_PROTOCOL');
    expect(code(pair, 'client')).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  });

  it('on a cipher', () => {
    const client = clientContext(module, authority.cert, 0x0303);
    client.setCipherList('ECDHE-RSA-AES128-GCM-SHA256');
    const pair = new EnginePair({ client, server: serverContext(module, identity, 0x0303) }).handshake();
    expect(code(pair, 'server')).toBe('ERR_SSL_NO_SHARED_CIPHER');
    expect(reason(pair, 'client')).toBe('ssl/tls alert handshake failure');
    expect(summary(pair.outputs('client'))).toContain('alert read 40');
  });

  it('on a group', () => {
    const client = clientContext(module, authority.cert, 0x0304);
    client.setGroups('P-521');
    const server = serverContext(module, identity, 0x0304);
    server.setGroups('X25519');
    expect(reason(new EnginePair({ client, server }).handshake(), 'server')).toBe('no suitable key share');
  });
});

describe('certificates', () => {
  it.each([
    [
      'of an authority that is not trusted',
      async () => issue(await makeAuthority()),
      20,
      'unable to get local issuer certificate',
    ],
    ['that has expired', () => issue(authority, { validTo: daysFromNow(-0.5) }), 10, 'certificate has expired'],
    ['that is not valid yet', () => issue(authority, { validFrom: daysFromNow(1) }), 9, 'certificate is not yet valid'],
    ['that signed itself', () => issue(undefined), 18, 'self-signed certificate'],
    [
      'for clients',
      () => issue(authority, { usage: 'client', names: ['localhost'] }),
      26,
      'unsuitable certificate purpose',
    ],
  ])('of a server %s are told of, and left to be judged', async (_, make, result, text) => {
    const contexts = { client: clientContext(module, authority.cert), server: serverContext(module, await make()) };
    const { client, ...pair } = new EnginePair(contexts).handshake();
    expect(pair.log.some(({ side, output }) => side === 'client' && output.kind === 'handshakeDone')).toBe(true);
    // Without its issuer among those that were sent, a leaf "cannot be verified" (21), which says the same.
    expect(result === 20 ? [20, 21] : [result]).toContain(client.negotiated.verifyResult);
    // OpenSSL 4 says more.
    if (result !== 20) expect(client.negotiated.verifyText.startsWith(text)).toBe(true);
  });

  it('that can be verified give 0 and the chain up to the anchor', async () => {
    const intermediate = await makeAuthority({ issuer: authority });
    const leaf = await issue(intermediate);
    const server = serverContext(module, { cert: leaf.cert + intermediate.cert, key: leaf.key });
    const { client } = new EnginePair({ client: clientContext(module, authority.cert), server }).handshake();
    expect(client.negotiated.verifyResult).toBe(0);
    expect(client.negotiated.peerChain).toHaveLength(2);
    expect(client.inspection.verifiedChain).toHaveLength(3);
  });

  it('are asked of clients: required, and none given', () => {
    const contexts = { client: clientContext(module, authority.cert), server: serverContext(module, identity) };
    const pair = new EnginePair(contexts);
    pair.server.setup.requestCertificate(true);
    pair.handshake();
    expect(code(pair, 'server')).toBe('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE');
    expect(summary(pair.outputs('client'))).toContain('alert read 116');
  });

  it('are asked of clients: not required, or given', async () => {
    const { cert, key } = await issue(authority, { usage: 'client' });
    for (const given of [false, true]) {
      const client = clientContext(module, authority.cert);
      if (given) client.useCertificate(Buffer.from(cert));
      if (given) client.usePrivateKey(Buffer.from(key));
      const server = serverContext(module, identity);
      const store = new TrustStore(module);
      store.add(Buffer.from(authority.cert));
      server.useTrustStore(store, true);
      const pair = new EnginePair({ client, server });
      pair.server.setup.requestCertificate(given);
      pair.handshake();
      expect(pair.find('server', 'handshakeDone')).toBeDefined();
      expect(pair.server.negotiated.peerChain.length > 0).toBe(given);
      expect(pair.server.negotiated.verifyResult).toBe(0);
    }
  });
});

describe('a context refuses', () => {
  it('a key that belongs to another certificate', async () => {
    const other = await issue(authority);
    expect(() => serverContext(module, { cert: identity.cert, key: other.key })).toThrow(/key values mismatch/);
  });

  it('what is no certificate, and what is no key', () => {
    const context = clientContext(module);
    expect(() => context.useCertificate(Buffer.from('nothing'))).toThrow(/no start line/);
    expect(() => context.usePrivateKey(Buffer.from('nothing'))).toThrow(OpenSSLError);
  });

  it('an encrypted key without its passphrase, or with another', () => {
    const key = Buffer.from(encryptKey(identity.key, 'correct'));
    const context = clientContext(module);
    context.useCertificate(Buffer.from(identity.cert));
    expect(() => context.usePrivateKey(key)).toThrow(OpenSSLError);
    expect(() => context.usePrivateKey(key, 'wrong')).toThrow(/bad decrypt/);
    expect(() => context.usePrivateKey(key, 'correct')).not.toThrow();
  });

  it('ciphers, groups and signature algorithms that it does not know', () => {
    const context = clientContext(module);
    expect(() => context.setCipherList('NOT-A-CIPHER')).toThrow(/no cipher match/);
    expect(() => context.setCipherSuites('TLS_NOT_A_SUITE')).toThrow(OpenSSLError);
    expect(() => context.setGroups('not-a-group')).toThrow(OpenSSLError);
    expect(() => context.setSignatureAlgorithms('not+an+algorithm')).toThrow(OpenSSLError);
  });
});
