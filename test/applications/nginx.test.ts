import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type IdentityFiles, makeIdentityFiles } from '../interop/identity-files.ts';
import { Application, runClient, stopApplications } from './application.ts';
import type { Service } from './service.ts';
import { startNginx } from './services.ts';

let identity: IdentityFiles;
let nginx: Service | undefined;

beforeAll(async () => {
  identity = await makeIdentityFiles();
});
afterEach(async () => {
  await nginx?.stop();
  await stopApplications();
});
afterAll(() => identity.remove());

test.each(['TLSv1.2', 'TLSv1.3'])('a client, nginx as a TLS proxy, and behind it a server (%s)', async (version) => {
  const { key, cert, ca } = identity.files;
  const server = new Application('express-server', [key, cert]);
  nginx = await startNginx(identity, { port: await server.port(), version });
  const { answer, connections } = await runClient('fetch-client', [`https://localhost:${nginx.port}`], {
    environment: { NODE_EXTRA_CA_CERTS: ca },
  });
  const told = { secure: true, protocol: 'https', version };
  expect(answer).toEqual({ fetched: told, requested: told, got: told, same: true });
  expect(connections).toContainEqual(expect.stringMatching(new RegExp(`^ktls client of .*: ${version} `)));
  await nginx.stop();
  expect(await server.stopAfter(1)).toContainEqual(
    expect.stringMatching(new RegExp(`^ktls server of .*\\(localhost\\): ${version} `)),
  );
});
