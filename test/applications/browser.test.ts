import { createHash, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type IdentityFiles, makeIdentityFiles } from '../interop/identity-files.ts';
import { program } from '../interop/program.ts';
import { Application, runClient, stopApplications } from './application.ts';

let identity: IdentityFiles;

beforeAll(async () => {
  identity = await makeIdentityFiles();
});
afterEach(stopApplications);
afterAll(() => identity.remove());

test.each([
  ['node:tls', false],
  ['ktls/register', true],
])('puppeteer-core, with Chromium, and servers with %s', { timeout: 60_000 }, async (library, registered) => {
  const { key, cert } = identity.files;
  const options = { registered };
  const names = ['express-server', 'fastify-server', 'websocket-server'];
  const servers = names.map((name) => new Application(name, [key, cert], options));
  const [http1, http2, websocket] = await Promise.all(servers.map((server) => server.port()));
  const publicKey = new X509Certificate(identity.cert).publicKey.export({ type: 'spki', format: 'der' });
  const { answer } = await runClient(
    'puppeteer-client',
    [
      ...[program('chromium'), join(identity.folder, library.replace(/\W/, '-'))],
      createHash('sha256').update(publicKey).digest('base64'),
      ...[`https://localhost:${http1}/`, `https://localhost:${http2}/`, `wss://localhost:${websocket}/`],
    ],
    options,
  );
  const page = { protocol: 'TLS 1.3', same: true };
  expect(answer).toEqual({
    pages: [
      { told: { secure: true, protocol: 'https', version: 'TLSv1.3' }, nextHopProtocol: 'http/1.1', ...page },
      { told: { version: '2.0', protocol: 'https' }, nextHopProtocol: 'h2', ...page },
    ],
    length: 300_000,
  });
  for (const server of servers) {
    const connections = await server.stopAfter(registered ? 1 : 0);
    expect(connections.some((line) => /^ktls server of .*\(localhost\): TLSv1\.3 /.test(line))).toBe(registered);
  }
});
