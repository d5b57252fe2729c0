import tls from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Authority, type Identity, issue, type KeyKind, makeAuthority } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';
import { type Implementation, nodeTls, ours } from './implementations.ts';

/** Every way to sign in TLS 1.2 and 1.3 that node:tls has for these keys; the peer, which is node:tls, accepts no other. */
const digests = ['SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512'];
const schemes: readonly (readonly [kind: KeyKind, scheme: string])[] = [
  ...digests.map((digest) => ['ecdsa', `ECDSA+${digest}`] as const),
  ...digests.map((digest) => ['rsa', `RSA+${digest}`] as const),
  ...['SHA256', 'SHA384', 'SHA512'].map((digest) => ['rsa', `RSA-PSS+${digest}`] as const),
];
const versions = ['TLSv1.2', 'TLSv1.3'] as const;

let authority: Authority;
const servers = new Map<KeyKind, Identity>();
const clients = new Map<KeyKind, Identity>();

beforeAll(async () => {
  authority = await makeAuthority();
  for (const keyKind of ['ecdsa', 'rsa'] as const) {
    servers.set(keyKind, await issue(authority, { keyKind }));
    clients.set(keyKind, await issue(authority, { keyKind, usage: 'client' }));
  }
});

interface Choice {
  readonly kind: KeyKind;
  readonly scheme: string;
  readonly version: tls.SecureVersion;
}

/** What the client is told by a server that has to sign like this. */
function serverSigns({ createServer }: Implementation, { kind, scheme, version }: Choice): Promise<string> {
  const server = createServer({ ...common(version), ...servers.get(kind) });
  const connect = (port: number) => tls.connect({ ...common(version), port, sigalgs: scheme, host: 'localhost' });
  return toldBy(server, connect);
}

/** What a client is told that has to sign like this. */
function clientSigns({ connect }: Implementation, { kind, scheme, version }: Choice): Promise<string> {
  // The signature of the server is none of these, where its key has another kind.
  const [own, sigalgs] =
    kind === 'rsa' ? (['ecdsa', `ECDSA+SHA256:${scheme}`] as const) : (['rsa', `RSA-PSS+SHA256:${scheme}`] as const);
  const options = { ...common(version), ...servers.get(own), requestCert: true, sigalgs };
  const server = tls.createServer(options);
  return toldBy(server, (port) => connect({ ...common(version), ...clients.get(kind), port, host: 'localhost' }));
}

/** SHA-1 and SHA-224 are for a lower level of security than the default. */
function common(version: tls.SecureVersion) {
  return { ca: authority.cert, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
}

async function toldBy(
  server: ReturnType<Implementation['createServer']>,
  connect: (port: number) => tls.TLSSocket | ReturnType<Implementation['connect']>,
): Promise<string> {
  server.on('secureConnection', (socket: tls.TLSSocket) => socket.end(`authorized: ${socket.authorized}`));
  server.on('tlsClientError', () => {});
  const socket = connect(await listen(server));
  let told = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    told += error.code;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  server.close();
  return told;
}

describe.each(versions)('%s', (version) => {
  test.each(schemes)('%s: %s, as node:tls does', async (kind, scheme) => {
    const choice = { kind, scheme, version };
    const expected = [await serverSigns(nodeTls, choice), await clientSigns(nodeTls, choice)];
    for (const implementation of ours) {
      expect([await serverSigns(implementation, choice), await clientSigns(implementation, choice)]).toEqual(expected);
    }
  });
});
