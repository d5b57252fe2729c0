import type net from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type IdentityFiles, makeIdentityFiles } from '../interop/identity-files.ts';
import { Application, runClient, stopApplications } from './application.ts';
import { startMysqlServer } from './mysql-server.ts';

/** Packages that make a TLSSocket by hand and ask its handle whether the peer is trusted. */

let identity: IdentityFiles;
let stranger: IdentityFiles;

beforeAll(async () => {
  [identity, stranger] = await Promise.all([makeIdentityFiles(), makeIdentityFiles()]);
});
afterEach(stopApplications);
afterAll(() => {
  identity.remove();
  stranger.remove();
});

const sides = [
  { by: 'node:tls', registered: false },
  { by: 'ktls/register', registered: true },
];

describe.each(sides)('with $by', (options) => {
  describe.each(['secure', 'STARTTLS'])('smtp-server that wants certificates: %s', (how) => {
    async function send({ client }: IdentityFiles): Promise<unknown> {
      const { key, cert, ca } = identity.files;
      const server = new Application('smtp-server', [key, cert, ca, how], options);
      const words = [await server.port(), ca, client.key, client.cert, how];
      return await runClient('mail-client', words, options).then(({ answer }) => answer);
    }

    test('lets in who has one of its authority', async () => {
      expect(await send(identity)).toEqual({ accepted: ['b@example.org'] });
    });

    test('refuses a stranger', async () => {
      await expect(send(stranger)).rejects.toThrow(/mail-client ended/);
    });
  });

  describe('mysql', () => {
    let server: net.Server & { readonly port: number };

    beforeAll(async () => {
      server = await startMysqlServer(identity);
    });
    afterAll(() => server.close());

    test('connects to a server of an authority that it trusts', async () => {
      const { answer } = await runClient('old-mysql-client', [server.port, identity.files.ca], options);
      expect(answer).toEqual({ pinged: true });
    });

    test('refuses one that it does not', async () => {
      const refused = runClient('old-mysql-client', [server.port, stranger.files.ca], options);
      await expect(refused).rejects.toThrow(/HANDSHAKE_SSL_ERROR|UNABLE_TO_VERIFY_LEAF_SIGNATURE/);
    });
  });
});
