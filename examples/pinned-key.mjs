// node pinned-key.mjs URL CA PIN: fetches a page from a server whose public key is known: PIN is the SHA-256 of its SubjectPublicKeyInfo, in base64.
//   openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import tls from 'ktls';
import { buildConnector } from 'ktls/undici';
import { Agent, fetch } from 'undici';

const [url, authority, pin] = process.argv.slice(2);

/** The name has to be right first: a pin does not take its place. */
function checkServerIdentity(name, certificate) {
  const error = tls.checkServerIdentity(name, certificate);
  if (error) return error;
  const { publicKey } = new X509Certificate(certificate.raw);
  const digest = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  return digest === pin ? undefined : new Error(`the key of ${name} is another one: ${digest}`);
}

const dispatcher = new Agent({ connect: buildConnector({ ca: readFileSync(authority), checkServerIdentity }) });
try {
  const response = await fetch(url, { dispatcher });
  console.log(response.status, (await response.text()).length);
} catch (error) {
  console.error(error.cause?.message ?? error.message);
  process.exitCode = 1;
} finally {
  await dispatcher.close();
}
