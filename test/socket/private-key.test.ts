import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EngineContext } from '../../src/engine/openssl/context.ts';
import ktls from '../../src/index.ts';
import { engineModule } from '../../src/platform/openssl/engine-host.ts';
import { encryptKey, type Identity, issue, type KeyKind } from '../helpers/certificates.ts';
import { listen } from '../helpers/listen.ts';
import { unless } from '../helpers/unless.ts';

const hasOpenSSLProgram = spawnSync('openssl', ['version']).status === 0;

/** What a private key consists of: the exponent, or the scalar, and the primes. */
function secrets(pem: string): Buffer[] {
  const { d, p, q } = createPrivateKey(pem).export({ format: 'jwk' });
  return [d, p, q].flatMap((part) => (part === undefined ? [] : [Buffer.from(part, 'base64url')]));
}

/** As in the wire format, and as words of a big number: the other way round. */
function isInHeap(secret: Buffer): boolean {
  const heap = Buffer.from(engineModule().exports.memory.buffer);
  return heap.includes(secret) || heap.includes(Buffer.from(secret).reverse());
}

async function connectOnce(identity: Identity, options: object): Promise<string | null> {
  const server = ktls.createServer({ ...identity, ...options }, (socket) => socket.end('.'));
  const port = await listen(server);
  const socket = ktls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: identity.cert, ...options });
  const protocol = once(socket, 'secureConnect').then(() => socket.getProtocol());
  socket.resume();
  await once(socket, 'close');
  server.close();
  return await protocol;
}

test.each<{ kind: KeyKind; name: string; options: object }>([
  { kind: 'ecdsa', name: 'TLS 1.3', options: {} },
  { kind: 'rsa', name: 'TLS 1.3', options: {} },
  { kind: 'ecdsa', name: 'TLS 1.2', options: { maxVersion: 'TLSv1.2' } },
  { kind: 'rsa', name: 'TLS 1.2', options: { maxVersion: 'TLSv1.2' } },
  { kind: 'rsa', name: 'RSA key exchange', options: { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' } },
])('a private key never gets into the memory of the wasm module: $kind, $name', async ({ kind, options }) => {
  const identity = await issue(undefined, { keyKind: kind });
  expect(await connectOnce(identity, options)).toMatch(/^TLSv1/);
  expect(secrets(identity.key).filter(isInHeap)).toEqual([]);
});

test('nor does one that is encrypted', async () => {
  const { cert, key } = await issue(undefined);
  const encrypted = encryptKey(key, 'secret');
  await connectOnce({ cert, key: encrypted }, { passphrase: 'secret' });
  expect(secrets(key).filter(isInHeap)).toEqual([]);
});

unless(!hasOpenSSLProgram && 'no openssl program', test).each(['prime256v1', 'secp256k1'])(
  'nor does one of a PKCS #12 file stay there: %s',
  (curve) => {
    const folder = mkdtempSync(join(tmpdir(), 'ktls-pfx-'));
    const [key, cert, pfx] = ['key.pem', 'cert.pem', 'both.pfx'].map((name) => join(folder, name));
    const run = (...words: string[]): void => void execFileSync('openssl', words, { stdio: 'ignore' });
    try {
      run('ecparam', '-name', curve, '-genkey', '-noout', '-out', `${key}`);
      run('req', '-new', '-x509', '-key', `${key}`, '-subj', '/CN=localhost', '-out', `${cert}`);
      run('pkcs12', '-export', '-in', `${cert}`, '-inkey', `${key}`, '-out', `${pfx}`, '-passout', 'pass:secret');
      const before = engineModule().signatures.size;
      const context = ktls.createSecureContext({ pfx: readFileSync(`${pfx}`), passphrase: 'secret' });
      expect(engineModule().signatures.size).toBe(before + 1);
      expect(context.getCertificate()).not.toBeNull();
      expect(secrets(readFileSync(`${key}`, 'utf8')).filter(isInHeap)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test('the search finds a key that was put there', async () => {
  const { cert, key } = await issue(undefined);
  const context = new EngineContext(engineModule(), { min: 0x0303, max: 0x0304 });
  context.useCertificate(Buffer.from(cert));
  context.usePrivateKey(Buffer.from(key));
  expect(secrets(key).filter(isInHeap)).not.toEqual([]);
  expect(context.certificate('own')).toBeDefined();
});
